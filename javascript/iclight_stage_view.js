/** What the stage shows: the frame with its light, background and subject, and where its handles are. */
(() => {
  const iclight = (window.iclight ??= {});

  /** How high the frame is shown where the panel is wide enough: in percent of the window, and at most in pixels. */
  const [HEIGHT, HIGHEST] = [55, 640];

  /** The grey that the models take for nothing. */
  const NOTHING = "rgb(127, 127, 127)";

  const turn = (degrees) => (degrees * Math.PI) / 180;

  iclight.StageView = class StageView {
    constructor(root) {
      this.canvas = iclight.make("canvas", { className: "iclight-frame" });
      root.append(this.canvas);
      this._context = this.canvas.getContext("2d");
      this._frame = { width: 0, height: 0 };
      this._subject = null;
      this._forgetLayers();
    }

    /** The longer side of what is drawn, in pixels. */
    static longest = 0;

    /** The size of what is drawn for a frame, in pixels. */
    static drawnSize({ width, height }) {
      const scale = Math.min(1, StageView.longest / Math.max(width, height));
      return { width: Math.max(8, Math.round(width * scale)), height: Math.max(8, Math.round(height * scale)) };
    }

    setFrame(frame) {
      const { width, height } = StageView.drawnSize(frame);
      if (width === this._frame.width && height === this._frame.height) return;
      this._frame = { width, height };
      Object.assign(this.canvas, { width, height });
      const ratio = width / height;
      this.canvas.style.width = `min(100%, ${HEIGHT * ratio}vh, ${HIGHEST * ratio}px)`;
      this._forgetLayers();
    }

    /** Without the subject and the background, which were drawn at another size. */
    _forgetLayers() {
      this._subject?.close();
      this._drawer = this._subject = this._alpha = this._backdrop = this._placedAt = this._box = null;
    }

    /** Take what Python drew, unless it is of another size than the frame by now.
     * @param {Array<?ImageBitmap>} layers - the subject with its transparency, in its place, and what lights are added
     *   to or fall on
     * @param {object} place - where the subject stood then */
    setLayers(layers, place) {
      const { width, height } = this._frame;
      if (layers.some((each) => each && (each.width !== width || each.height !== height))) return;
      const [subject, backdrop] = layers;
      this._subject?.close();
      this._subject = subject;
      this._placedAt = place;
      this._backdrop = backdrop && this._pixels(backdrop);
      backdrop?.close();
      this._alpha = subject && this._pixels(subject).filter((_, index) => index % 4 === 3);
      this._box = this._alpha && this._findBox(this._alpha);
      this._drawer?.setOutline(this._alpha);
    }

    /** @param {object} scene - `lights`, `levels`, `place`, and `addsUp`: lights are added to the backdrop, or fall on
     *   it
     * @param {string} view - `composed`, `light`, the map alone, or `seen`, the subject as the model sees it
     * @param {number} moving - the light that is being moved, -1 if none is */
    draw({ lights, levels, place, addsUp }, view, moving) {
      const { width, height } = this._frame;
      const context = this._context;
      context.resetTransform();
      if (view === "seen") {
        context.fillStyle = NOTHING;
        context.fillRect(0, 0, width, height);
      } else {
        const rgba = this._light(lights, levels, addsUp, moving);
        context.putImageData(new ImageData(rgba, width, height), 0, 0);
      }
      if (this._subject && view !== "light") this._drawSubject(place);
    }

    /** A light's place on the stage, in pixels from the stage's upper left corner. */
    placeOf(light) {
      const { left, top, width, height } = this.shown;
      if (light.kind === "spot") return { x: left + light.x * width, y: top + light.y * height };
      const [right, up] = [Math.sin(turn(light.angle)), Math.cos(turn(light.angle))];
      const rim = top / 2; // in the middle of the room that the style sheet leaves around the frame
      const ways = [(width / 2 + rim) / Math.abs(right), (height / 2 + rim) / Math.abs(up)];
      const way = Math.min(...ways);
      return { x: left + width / 2 + right * way, y: top + height / 2 - up * way };
    }

    /** The angle that a point on the stage is seen at from the frame's middle: degrees clockwise from the top. */
    angleAt(x, y) {
      const { left, top, width, height } = this.shown;
      const [right, down] = [x - left - width / 2, y - top - height / 2];
      return ((Math.atan2(right, -down) * 180) / Math.PI + 360) % 360;
    }

    /** A point on the stage in shares of the frame. */
    shareAt(x, y) {
      const { left, top, width, height } = this.shown;
      return { x: (x - left) / width, y: (y - top) / height };
    }

    /** A share of the frame's shorter side in pixels of the page. */
    toPixels(share) {
      const { width, height } = this.shown;
      return share * Math.min(width, height);
    }

    /** Where the subject is on the stage: left, top, width, height; null without one. */
    subjectBox(place) {
      if (!this._box) return null;
      const shown = this.shown;
      const scale = shown.width / this._frame.width;
      const [a, d, e, f] = this._movement(place);
      const xs = [a * this._box.left + e, a * this._box.right + e];
      const [x, y] = [Math.min(...xs), d * this._box.top + f];
      return {
        left: shown.left + x * scale,
        top: shown.top + y * scale,
        width: Math.abs(xs[1] - xs[0]) * scale,
        height: d * (this._box.bottom - this._box.top) * scale,
      };
    }

    /** Look where the frame is on the stage: once for each picture, as the page may have to be laid out for it. */
    measure() {
      const { offsetLeft, offsetTop, clientWidth, clientHeight } = this.canvas;
      this.shown = { left: offsetLeft, top: offsetTop, width: clientWidth, height: clientHeight };
    }

    _light(lights, levels, addsUp, moving) {
      const { width, height } = this._frame;
      if (!this._drawer || this._levels !== levels) {
        this._levels = levels;
        this._drawer = new iclight.LightDrawer(width, height, levels);
        this._drawer.setOutline(this._alpha);
      }
      if (this._backdrop && !lights.length) return this._backdrop;
      return this._drawer.draw(lights, moving, this._backdrop, addsUp);
    }

    /** Python drew the subject in its place; until it has drawn it anew, that picture is moved along. */
    _drawSubject(place) {
      const [a, d, e, f] = this._movement(place);
      this._context.setTransform(a, 0, 0, d, e, f);
      this._context.drawImage(this._subject, 0, 0);
      this._context.resetTransform();
    }

    /** From the place that the subject was drawn in to another: factors and shifts along both axes, in pixels. */
    _movement(place) {
      const { width, height } = this._frame;
      const from = this._placedAt;
      const scale = place.scale / from.scale;
      const across = place.mirrored === from.mirrored ? scale : -scale;
      return [
        across,
        scale,
        place.x * width - across * from.x * width,
        place.y * height - scale * from.y * height,
      ];
    }

    _pixels(bitmap) {
      const { width, height } = this._frame;
      const context = new OffscreenCanvas(width, height).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, width, height).data;
    }

    _findBox(alpha) {
      const { width, height } = this._frame;
      const box = { left: width, top: height, right: 0, bottom: 0 };
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          if (alpha[y * width + x] < 16) continue;
          box.left = Math.min(box.left, x);
          box.right = Math.max(box.right, x + 1);
          box.top = Math.min(box.top, y);
          box.bottom = y + 1;
        }
      }
      return box.right ? box : null;
    }
  };
})();
