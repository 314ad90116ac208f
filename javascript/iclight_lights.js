/**
 * Lights as values, read from text and written to it, as in lib_iclight/lights/sources.py and colour.py.
 *
 * @typedef {{kind: string, angle?: number, x?: number, y?: number, radius?: number, brightness: number,
 *     softness?: number, colour: string}} Light The fields of its kind only. Units and ranges are in docs/lights.md.
 */
(() => {
  const iclight = (window.iclight ??= {});

  /** White space as Python's str.split has it. */
  const SPACES = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

  let known;

  /**
   * @param {Object} data What Python's `describe_lights` says: `fields` by kind; ranges {low, high} of `numbers` by
   *     field and of `kelvin`; `defaults` by field; `presets` by name; `max` lights; the `longest` text.
   */
  function setUp(data) {
    known = data;
  }

  /**
   * @param {string} text Lights, one a line or after a semicolon, or a preset's name.
   * @returns {Light[]|null} Null: Python refuses it, and says why.
   */
  function read(text) {
    const name = splitWords(text).join(" ").toLowerCase();
    // with two spaces it is no name
    if (Object.hasOwn(known.presets, name) && text.toLowerCase().includes(name)) return read(known.presets[name]);
    if ([...text].length > known.longest) return null;
    const lights = text.split(/[;\n]/).map(splitWords).filter((words) => words.length).map(readLight);
    const placed = lights.filter((light) => light?.kind !== "ambient").length;
    return lights.includes(null) || placed > known.max || lights.length > placed + 1 ? null : lights;
  }

  const splitWords = (text) => text.split(SPACES).filter(Boolean);

  function readLight([word, ...pairs]) {
    const kind = word.toLowerCase();
    if (!Object.hasOwn(known.fields, kind) || pairs.length % 2) return null;
    const fields = known.fields[kind];
    const given = {};
    for (let at = 0; at < pairs.length; at += 2) {
      const field = pairs[at].toLowerCase();
      if (!fields.includes(field) || Object.hasOwn(given, field)) return null;
      given[field] = field === "colour" ? readColour(pairs[at + 1]) : readNumber(field, pairs[at + 1]);
      if (given[field] === null) return null;
    }
    return { kind, ...Object.fromEntries(fields.map((field) => [field, given[field] ?? known.defaults[field]])) };
  }

  function readColour(word) {
    const text = word.toLowerCase();
    if (/^#[0-9a-f]{6}$/.test(text)) return text;
    const kelvin = /^\d{1,6}k$/.test(text) ? parseInt(text, 10) : NaN;
    return isWithin(kelvin, known.kelvin) ? `${kelvin}K` : null;
  }

  function readNumber(field, word) {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word) ? Number(word) : NaN;
    return isWithin(value, known.numbers[field]) ? round(value) : null;
  }

  const isWithin = (value, { low, high }) => low <= value && value <= high;

  /** To four decimals as in Python: exactly between two, as only odd 32nds are, to the even one. Never -0. */
  function round(value) {
    const isBetween = Math.abs((value * 32) % 2) === 1;
    return (isBetween ? (2 * Math.round(value * 5000)) / 10000 : Number(value.toFixed(4))) + 0;
  }

  /** @param {Light[]} lights Their text, as Python's `write_lights` makes it. */
  const write = (lights, between = "\n") => lights.map(writeLight).join(between);

  function writeLight(light) {
    const words = [light.kind];
    for (const field of known.fields[light.kind]) {
      const value = field === "colour" ? light.colour : round(light[field]);
      if (value !== known.defaults[field]) words.push(field, value);
    }
    return words.join(" ");
  }

  /** @returns {number[]} Red, green and blue in linear light, 0…1. The largest of a temperature's is 1. */
  function linearColour(colour) {
    if (colour.startsWith("#")) return [1, 3, 5].map((at) => toLinear(parseInt(colour.slice(at, at + 2), 16)));
    const [bigX, bigZ] = planckXZ(parseInt(colour, 10));
    // XYZ to sRGB's primaries (IEC 61966-2-1); what a screen can't show is brought to its rim
    const rgb = [
      [3.2406, -1.5372, -0.4986],
      [-0.9689, 1.8758, 0.0415],
      [0.0557, -0.204, 1.057],
    ].map(([ofX, ofY, ofZ]) => Math.max(ofX * bigX + ofY + ofZ * bigZ, 0));
    return rgb.map((share) => share / Math.max(...rgb));
  }

  /**
   * CIE 1931 X and Z, where Y is 1, of a black body of t kelvin. M. Krystek, "An algorithm to calculate correlated
   * colour temperature", Color Research and Application 10 (1985): its u and v of CIE 1960.
   */
  function planckXZ(t) {
    const uOver = 1 + 8.42420235e-4 * t + 7.08145163e-7 * t ** 2;
    const vOver = 1 - 2.89741816e-5 * t + 1.61456053e-7 * t ** 2;
    const u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t ** 2) / uOver;
    const v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t ** 2) / vOver;
    return [(1.5 * u) / v, (2 - u / 2) / v - 5];
  }

  /** Linear light 0…1 of a display level 0…255 (sRGB, IEC 61966-2-1). */
  function toLinear(level) {
    const value = level / 255;
    return Math.fround(value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  }

  /** The display level 0…255 of linear light 0…1, whose inverse `toLinear` is. */
  function toDisplay(light) {
    return Math.round(255 * (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055));
  }

  /** A light's colour as `#rrggbb`. */
  function toHex(colour) {
    const levels = linearColour(colour).map((share) => toDisplay(Math.min(1, share)));
    return `#${levels.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
  }

  iclight.lights = { setUp, read, write, linearColour, toLinear, toDisplay, toHex };
})();
