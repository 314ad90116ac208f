/** Draws lights as lib_iclight/lights/drawing.py does: each fades in whole display levels, and they add up linearly. */
(() => {
  const iclight = (window.iclight ??= {});
  const { fround } = Math;

  /** Linear light 0…1 is looked up in this many steps, as in srgb.py. */
  const STEPS = 65535;

  /** It is added in 512ths of a step: integers, whose sum is the same in any order. The brightest fits 32 bits. */
  const BITS = 9;

  const NO_LIGHT = { kind: "ambient", brightness: 0, colour: "#000000" };

  /** While a light is dragged, a frame costs that one and the way back to display levels. */
  class LightDrawer {
    /** What lights are drawn by, and the last one's levels. Distances `outside` the alpha are found when needed. */
    #frame;

    /** The sum of the lights that stay, and what it is of. */
    #kept;
    #keptOf = "";

    #pixels;

    /**
     * @param {number} width In pixels, as is height.
     * @param {{bright: number, dark: number}} levels A white light's ends, 0…255.
     */
    constructor(width, height, levels = { bright: 255, dark: 0 }) {
      const drawn = new Uint8Array(width * height);
      this.#frame = { width, height, ...levels, drawn, alpha: null, outside: null };
      this.#kept = new Int32Array(drawn.length * 3);
      this.#pixels = new Uint32Array(drawn.length);
    }

    /** @param {Uint8Array|null} alpha The subject's, [height*width], for front lights; null: it fills the frame. */
    setOutline(alpha) {
      Object.assign(this.#frame, { alpha: alpha && alpha.slice(), outside: null });
      this.#keptOf = "";
    }

    /**
     * @param {Light[]} lights
     * @param {number} moving Which of them is dragged: the sum of the others is kept for the next call.
     * @param {Uint8ClampedArray|null} rgba A picture as it looks in white light, on which they fall, or a light map,
     *     [height*width*4]. Its alpha is ignored.
     * @param {boolean} addsUp It is a light map, to which they are added.
     * @returns {Uint8ClampedArray} Opaque RGBA, [height*width*4], which the next call overwrites.
     */
    draw(lights, moving = -1, rgba = null, addsUp = false) {
      this.#keep(lights, moving);
      const [red, green, blue] = drawLight(this.#frame, lights[moving] ?? NO_LIGHT);
      const { linear, sums, display } = tables();
      const [{ drawn }, kept, pixels] = [this.#frame, this.#kept, this.#pixels];
      for (let to = 0, from = 0; to < pixels.length; to++, from += 3) {
        const level = drawn[to];
        let r = (kept[from] + red[level]) | 0;
        let g = (kept[from + 1] + green[level]) | 0;
        let b = (kept[from + 2] + blue[level]) | 0;
        if (rgba && !addsUp) {
          r = (r * linear[rgba[4 * to]]) | 0;
          g = (g * linear[rgba[4 * to + 1]]) | 0;
          b = (b * linear[rgba[4 * to + 2]]) | 0;
        } else if (rgba) {
          r = (r + sums[rgba[4 * to]]) | 0;
          g = (g + sums[rgba[4 * to + 1]]) | 0;
          b = (b + sums[rgba[4 * to + 2]]) | 0;
        }
        // wherever there is a browser, the lowest byte comes first
        pixels[to] = display[toStep(r)] | (display[toStep(g)] << 8) | (display[toStep(b)] << 16) | (255 << 24);
      }
      return new Uint8ClampedArray(pixels.buffer);
    }

    /** Without an ambient light, what none reaches is as bright as the dark end. */
    #keep(lights, moving) {
      const still = lights.filter((_, index) => index !== moving);
      const floor = lights.some((light) => light.kind === "ambient") ? 0 : this.#frame.dark;
      const of = JSON.stringify([floor, still]);
      if (of === this.#keptOf) return;
      this.#kept.fill(toSum(tables().linear[floor]));
      for (const light of still) addLevels(this.#kept, this.#frame.drawn, drawLight(this.#frame, light));
      this.#keptOf = of;
    }
  }

  function addLevels(sum, drawn, [red, green, blue]) {
    for (let from = 0, to = 0; from < drawn.length; from++, to += 3) {
      const level = drawn[from];
      sum[to] += red[level];
      sum[to + 1] += green[level];
      sum[to + 2] += blue[level];
    }
  }

  /** Draws a light's levels as if it were white, and returns what each adds to red, green and blue. */
  function drawLight(frame, light) {
    const { linear } = tables();
    DRAW[light.kind](frame, light);
    const fade = (level) => (light.kind === "ambient" ? 1 : linear[level] - linear[frame.dark]);
    const add = (share) => (_, level) => toSum(light.brightness * share * fade(level));
    return iclight.lights.linearColour(light.colour).map((share) => new Int32Array(256).map(add(share)));
  }

  const toSum = (linear) => Math.round(linear * (STEPS << BITS));

  /** The nearest step; what is too bright is clipped. */
  const toStep = (sum) => Math.min((sum + (1 << (BITS - 1))) >> BITS, STEPS);

  /** Bytes cut their levels down to whole ones. */
  const DRAW = { side: drawSide, spot: drawSpot, front: drawFront, ambient: () => {} };

  /** The weighted sum of a ramp along each axis. */
  function drawSide({ width, height, bright, dark, drawn }, { angle, softness }) {
    const turn = angle * (Math.PI / 180);
    // rounded: from an edge, the other axis has no part
    const [right, down] = [Math.sin(turn), -Math.cos(turn)].map((way) => Number(way.toFixed(12)));
    const ways = [Math.abs(right) * Math.max(width - 1, 1), Math.abs(down) * Math.max(height - 1, 1)];
    const [across, along] = ways.map((way) => way / (ways[0] + ways[1]));
    const unreached = bright * (1 - softness);
    const ramp = (way, count) => (way > 0 ? spread(dark, bright, count) : spread(bright, dark, count));
    const columns = ramp(right, width).map((level) => (level * across - unreached) / softness);
    const rows = ramp(down, height).map((level) => (level * along) / softness);
    let at = 0;
    for (const row of rows) {
      for (let x = 0; x < width; x++) {
        const level = columns[x] + row;
        drawn[at++] = level > dark ? (level < bright ? level : bright) : dark;
      }
    }
  }

  /** NumPy's linspace, with its roundings. */
  function spread(first, last, count) {
    const step = (last - first) / (count - 1);
    return new Float64Array(count).map((_, at) => (!at ? first : at < count - 1 ? at * step + first : last));
  }

  function drawSpot({ width, height, bright, dark, drawn }, { x, y, radius, softness }) {
    const reach = radius * Math.min(width, height);
    const [rim, fade] = [fround(reach), fround(reach * softness)];
    const squares = (count, middle) =>
      new Float32Array(count).map((_, at) => fround(at + fround(0.5 - middle * count)) ** 2);
    const columns = squares(width, x);
    let at = 0;
    for (const row of squares(height, y)) {
      for (let column = 0; column < width; column++) {
        const distance = fround(Math.sqrt(fround(columns[column] + row)));
        drawn[at++] = toLevel(fround(fround(rim - distance) / fade), bright, dark);
      }
    }
  }

  function drawFront(frame, { softness }) {
    const { width, height, bright, dark, drawn, alpha } = frame;
    if (!alpha) return drawn.fill(bright);
    const outside = (frame.outside ??= distanceOutside(alpha, width, height));
    const fade = fround(softness * Math.min(width, height));
    for (let at = 0; at < drawn.length; at++) {
      drawn[at] = toLevel(fround(1 - fround(outside[at] / fade)), bright, dark);
    }
  }

  /** A share of the brightest as a level, in single precision. */
  function toLevel(share, bright, dark) {
    if (share <= 0) return dark;
    return share < 1 ? fround(fround(share * (bright - dark)) + dark) : bright;
  }

  /**
   * To the nearest pixel of alpha 128 or more, exactly. P. F. Felzenszwalb and D. P. Huttenlocher, "Distance
   * Transforms of Sampled Functions", Theory of Computing 8 (2012): columns are counted, and along a row the squares
   * are the lower envelope of a parabola for each column.
   */
  function distanceOutside(alpha, width, height) {
    const outside = new Float32Array(width * height);
    for (let at = 0; at < outside.length; at++) {
      outside[at] = alpha[at] >= 128 ? 0 : at < width ? Infinity : outside[at - width] + 1;
    }
    for (let at = outside.length - width - 1; at >= 0; at--) {
      outside[at] = Math.min(outside[at], outside[at + width] + 1);
    }
    // of the envelope's parabolas: column, value at column 0, and from where on each is the lowest
    const [places, bases, starts] = [0, 1, 2].map(() => new Float64Array(width));
    for (let row = 0; row < outside.length; row += width) {
      let last = -1;
      for (let x = 0; x < width; x++) {
        const base = outside[row + x] ** 2 + x * x;
        if (base === Infinity) continue;
        const start = () => (last < 0 ? -Infinity : (base - bases[last]) / (x - places[last]) / 2);
        while (last > 0 && start() <= starts[last]) last--;
        starts[last + 1] = start();
        places[++last] = x;
        bases[last] = base;
      }
      for (let x = 0, at = 0; last >= 0 && x < width; x++) {
        while (at < last && starts[at + 1] < x) at++;
        outside[row + x] = Math.sqrt(bases[at] + x * (x - 2 * places[at]));
      }
    }
    return outside;
  }

  let made;

  /** Linear light by level, also as it is added, and level by step. */
  function tables() {
    return (made ??= {
      linear: new Float32Array(256).map((_, level) => iclight.lights.toLinear(level)),
      sums: new Int32Array(256).map((_, level) => toSum(iclight.lights.toLinear(level))),
      display: new Uint8Array(STEPS + 1).map((_, step) => iclight.lights.toDisplay(step / STEPS)),
    });
  }

  iclight.LightDrawer = LightDrawer;
})();
