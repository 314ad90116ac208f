/** The controls of what is chosen on the stage. */
(() => {
  const iclight = (window.iclight ??= {});

  /** What the slider shows beside a colour that is no temperature is daylight. */
  const toKelvin = (colour) => parseInt(colour, 10) || 6500;

  iclight.StageControls = class StageControls {
    constructor(tools) {
      this.tools = tools;
      this.stage = tools.stage;
      this.row = iclight.make("div", { className: "iclight-controls" });
    }

    /** Show what is chosen; other controls are made only for something else. */
    show() {
      const { thing, chosen } = this.tools;
      const key = `${chosen} ${thing.kind}`;
      if (key !== this._madeFor) {
        this._madeFor = key;
        this._shows = []; // what sets each control to the value that it is for
        this.row.replaceChildren(...(thing.kind ? this._makeForLight(thing.kind) : this._makeForSubject()));
      }
      for (const show of this._shows) show();
    }

    _makeForSubject() {
      const { tools } = this;
      const mirrored = iclight.make("input", { type: "checkbox", on: { change: () => tools.mirror() } });
      this._shows.push(() => {
        mirrored.checked = tools.thing.mirrored;
      });
      const back = iclight.makeButton("Back to its place", "In the middle, covering the frame", () => {
        tools.set({ x: 0.5, y: 0.5, scale: 1 });
      });
      const scale = this._range("Scale", this.stage.data.scale, 0.01, "scale");
      return [scale, iclight.make("label", {}, mirrored, "Mirrored"), back];
    }

    _makeForLight(kind) {
      const { tools } = this;
      const { fields, numbers, kelvin } = this.stage.data.lights;
      const ranges = fields[kind]
        .filter((name) => numbers[name] && !["x", "y"].includes(name))
        .map((name) => {
          const range = this._range(numbers[name].label, numbers[name], name === "angle" ? 1 : 0.01, name);
          range.title = numbers[name].help;
          return range;
        });
      const off = iclight.makeButton("Switch off", "Off, it stays on the stage and lights nothing", () => {
        tools.set({ off: !tools.thing.off });
      });
      this._shows.push(() => {
        off.firstChild.data = tools.thing.off ? "Switch on" : "Switch off";
      });
      return [
        ...ranges,
        this._colour(),
        this._range("Kelvin", kelvin, 100, "colour", toKelvin, (value) => `${Math.round(value)}K`),
        off,
        iclight.makeButton("Duplicate", "Another one like this", () => tools.add({ ...tools.thing })),
        iclight.makeButton("Remove", "Take this light away", () => tools.remove()),
      ];
    }

    /** What sets fields of what is chosen, while it is dragged or typed too. */
    _input(looks, toFields) {
      const set = (isDone) => {
        if (input.value && input.validity.valid) this.tools.set(toFields(input.value), isDone);
        else if (isDone) this.stage.change();
      };
      const input = iclight.make("input", { ...looks, on: { input: () => set(false), change: () => set(true) } });
      return input;
    }

    _colour() {
      const colour = this._input({ type: "color" }, (value) => ({ colour: value }));
      this._shows.push(() => {
        colour.value = iclight.lights.toHex(this.tools.thing.colour);
      });
      return iclight.make("label", {}, "Colour", colour);
    }

    /** A slider for a field of what is chosen, and its number, which can be typed. */
    _range(label, { low: min, high: max }, step, name, read = Number, write = Number) {
      const [range, number] = ["range", "number"].map((type) =>
        this._input({ type, min, max, step: type === "range" ? step : "any", aria: { label } }, (text) => ({
          [name]: write(text),
        }))
      );
      this._shows.push(() => {
        const value = read(this.tools.thing[name]);
        range.value = value;
        // what is being typed stays as it is
        if (number !== document.activeElement || !number.validity.valid) number.value = Math.round(value * 100) / 100;
      });
      return iclight.make("label", {}, label, range, number);
    }
  };
})();
