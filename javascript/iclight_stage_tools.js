"use strict";

/** What the stage is worked with: handles on the frame, the row of buttons, and the chosen thing's controls. */
(() => {
  const iclight = (window.iclight = window.iclight || {});

  const SUBJECT = "subject";

  const NAMES = { side: "Side light", spot: "Spot", front: "Front light", ambient: "Ambient light" };

  const WHAT = {
    side: "Comes from beyond the frame's edge, as from a window",
    spot: "A disc of light in the frame",
    front: "Faces the camera's side of the subject",
    ambient: "From everywhere: what no other light reaches has it",
  };

  const VIEWS = { composed: "Composed", light: "Light map", seen: "As the model sees the subject" };

  /** Degrees around a quarter turn within which a side light snaps to it. */
  const SNAP = 3;

  /** An element with attributes, properties and children. */
  function make(tag, { on = {}, aria = {}, ...properties } = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
    for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
    element.append(...children);
    return element;
  }
  iclight.make = make;

  /** @param {string} [label] - for screen readers, where the text is no words */
  function makeButton(text, title, click, label) {
    return make("button", { type: "button", textContent: text, title, aria: label ? { label } : {}, on: { click } });
  }

  function makeSelect(label, title, options, on) {
    const select = make("select", { title, aria: { label }, on });
    for (const [value, textContent] of options) select.append(make("option", { value, textContent }));
    return select;
  }

  /** Within a range, and rounded to 1 / `steps`. */
  const clamp = (value, { low, high }, steps) => Math.round(Math.min(Math.max(value, low), high) * steps) / steps;

  /** Where things may be, in shares of the frame. */
  const AROUND = { low: -1, high: 2 };

  function toHex(colour) {
    const levels = iclight.lights.linearColour(colour).map((share) => iclight.lights.toDisplay(Math.min(1, share)));
    return `#${levels.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
  }

  /** Drag with a captured pointer: `onMove` gets each point, `onEnd` is called once, however it ends. */
  function makeDraggable(element, onStart, onMove, onEnd) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      onStart(event);
      const end = () => {
        element.removeEventListener("pointermove", onMove);
        element.removeEventListener("lostpointercapture", end);
        onEnd();
      };
      element.addEventListener("pointermove", onMove);
      element.addEventListener("lostpointercapture", end);
    });
  }

  iclight.StageTools = class StageTools {
    constructor(stage, root) {
      this.stage = stage;
      this.chosen = SUBJECT;
      this._handles = []; // the subject's, then each light's: itself, and what sizes it
      this._isDragged = false;
      const area = make("div", { className: "iclight-area" });
      this.view = new iclight.StageView(area);
      this._handleLayer = make("div", { className: "iclight-handles" });
      area.append(this._handleLayer);
      this._area = area;
      this._words = make("div", { className: "iclight-words", aria: { live: "polite" } });
      this._list = make("div", { className: "iclight-list", role: "toolbar", aria: { label: "On the stage" } });
      this._controls = make("div", { className: "iclight-controls" });
      this.pictures = new iclight.StagePictures(stage, area);
      const words = make("div", { className: "iclight-bar" }, this._words, ...this.pictures.makeBar(makeButton));
      root.append(this._makeBar(), area, words, this._list, this._controls);
      root.addEventListener("keydown", (event) => this._onKey(event));
    }

    say(text, problem = "") {
      this._words.textContent = problem || text || "";
      this._words.classList.toggle("iclight-problem", Boolean(problem));
    }

    draw() {
      const { stage, view } = this;
      view.measure();
      const { map, wall } = stage.data.lights.levels;
      const isPicture = ["image", "mirrored", "own"].includes(stage.scene.background);
      const levels = stage.hasBackground && !isPicture ? wall : map;
      const scene = { lights: stage.lights, levels, place: stage.scene.place, addsUp: !stage.hasBackground };
      const moving = stage.moving < 0 ? -1 : stage.lights.indexOf(stage.scene.lights[stage.moving]);
      view.draw(scene, stage.view, moving);
      this.pictures.show();
      const focused = document.activeElement;
      this._showControls();
      this._showHandles();
      this._showList();
      this._undo.disabled = stage.step <= 0;
      this._redo.disabled = stage.step >= stage.history.length - 1;
      if (!focused.isConnected || (stage.root.contains(focused) && focused.matches(":disabled, [hidden]"))) {
        this._focusChosen();
      }
    }

    /** The focus would fall back to the page's beginning where what had it has gone. */
    _focusChosen() {
      const at = this.chosen === SUBJECT ? 0 : this.chosen + 1;
      const [handle] = this._handles[at];
      (handle.hidden ? this._list.children[at] : handle).focus({ preventScroll: true });
    }

    // The row of buttons

    _makeBar() {
      const { stage } = this;
      const add = (kind, values) =>
        makeButton(`+ ${NAMES[kind]}`, WHAT[kind], () => this._add({ kind, ...values }), `Add ${NAMES[kind]}`);
      const onlyColours = make("input", { type: "checkbox" });
      const names = Object.keys(stage.data.lights.presets);
      const options = names.map((name) => [name, name[0].toUpperCase() + name.slice(1)]);
      const presets = makeSelect("Preset", "Lights to begin with", [["", "Preset…"], ...options], {
        change: () => presets.value && stage.usePreset(presets.value, onlyColours.checked),
        blur: () => {
          presets.value = ""; // arrow keys go on from what is chosen before
        },
      });
      const views = makeSelect("View", "What is shown", Object.entries(VIEWS), {
        change: () => {
          stage.view = views.value;
          stage.refresh();
        },
      });
      this._undo = makeButton("↶", "Undo (Ctrl+Z)", () => stage.goTo(-1), "Undo");
      this._redo = makeButton("↷", "Redo (Ctrl+Y)", () => stage.goTo(1), "Redo");
      const row = make("div", { className: "iclight-bar", role: "toolbar", aria: { label: "Stage" } });
      row.append(
        add("side", { angle: 315 }),
        add("spot", { x: 0.25, y: 0.25 }),
        add("front", { brightness: 0.7, softness: 0.1 }),
        add("ambient", { brightness: 0.05 }),
        presets,
        make("label", {}, onlyColours, "colours only"),
        this._undo,
        this._redo,
        makeButton("Reset", "Take all lights away, and put the subject back", () => {
          this.chosen = SUBJECT;
          stage.reset();
        }),
        views
      );
      return row;
    }

    _add(values) {
      const { stage } = this;
      stage.adopt();
      const { fields, defaults, max } = stage.data.lights;
      const own = stage.scene.lights.filter((light) => light.kind !== "ambient");
      const isAmbient = values.kind === "ambient";
      const there = stage.scene.lights.findIndex((light) => light.kind === "ambient");
      if (isAmbient && there >= 0) {
        this._choose(there);
      } else if (!isAmbient && own.length >= max) {
        this.say("", `There are ${max} lights already: remove one first.`);
      } else {
        const known = Object.fromEntries(fields[values.kind].map((name) => [name, defaults[name]]));
        stage.change((scene) => scene.lights.push({ ...known, ...values }));
        this._choose(stage.scene.lights.length - 1);
      }
    }

    _choose(what) {
      this.chosen = what;
      this.stage.draw();
    }

    // Handles

    _showHandles() {
      const handles = this._handles;
      const things = this._things;
      for (const what of things.slice(handles.length)) {
        handles.push(this._makeHandle(what));
        this._handleLayer.append(...handles[handles.length - 1]);
      }
      // a handle out of the page would not hear of its drag's end
      while (handles.length > things.length && !this._isDragged) for (const each of handles.pop()) each.remove();
      for (const [at, what] of things.entries()) {
        const [handle, size] = handles[at];
        if (what === SUBJECT) this._placeSubject(handle, size);
        else this._placeLight(what, handle, size);
        handle.classList.toggle("iclight-chosen", what === this.chosen);
      }
    }

    /** What can be chosen: subject, and lights by index. */
    get _things() {
      return [SUBJECT, ...this.stage.allLights.keys()];
    }

    _makeHandle(what) {
      const { stage } = this;
      const kind = what === SUBJECT ? what : "light";
      const handle = make("button", { type: "button", className: `iclight-handle iclight-${kind}` });
      const size = make("button", { type: "button", className: "iclight-handle iclight-size", tabIndex: -1 });
      const grab = () => {
        this._isDragged = true;
        if (what !== SUBJECT) stage.adopt();
        this._choose(what);
        stage.moving = what === SUBJECT ? -1 : what;
      };
      let grip = { x: 0, y: 0 };
      makeDraggable(
        handle,
        (event) => {
          grab();
          const share = this._shareOf(event);
          const at = this._held(what);
          grip = { x: (at.x ?? 0) - share.x, y: (at.y ?? 0) - share.y };
        },
        (event) => this._move(what, event, grip),
        () => this._finish()
      );
      let before = null;
      makeDraggable(
        size,
        (event) => {
          grab();
          before = { ...this._reach(this._held(what), event), scale: stage.scene.place.scale };
        },
        (event) => this._resize(what, event, before),
        () => this._finish()
      );
      handle.addEventListener("focus", () => this.chosen === what || this._choose(what));
      return [handle, size];
    }

    _finish() {
      this._isDragged = false;
      this.stage.change(() => {});
    }

    _pointOf(event) {
      const box = this._area.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }

    _shareOf(event) {
      return this.view.shareAt(...this._pointOf(event));
    }

    _move(what, event, grip) {
      const share = this._shareOf(event);
      const to = (side) => clamp(share[side] + grip[side], AROUND, 1000);
      const at = this._held(what);
      if (!at) return;
      this.stage.change(() => {
        if (at.kind === "side") at.angle = snap(this.view.angleAt(...this._pointOf(event)));
        else Object.assign(at, { x: to("x"), y: to("y") });
      }, false);
    }

    /** A light or the subject's place; undefined where what is typed during a drag took it away. */
    _held(what) {
      const { place, lights } = this.stage.scene;
      return what === SUBJECT ? place : lights[what];
    }

    /** How far from its middle the subject or a spot is held, in pixels. */
    _reach(at, event) {
      const [x, y] = this._pointOf(event);
      const { left, top, width, height } = this.view.shown;
      return { reach: Math.max(1, Math.hypot(x - left - at.x * width, y - top - at.y * height)) };
    }

    _resize(what, event, before) {
      const { scale, lights } = this.stage.data;
      const at = this._held(what);
      if (!at) return;
      const { reach } = this._reach(at, event);
      this.stage.change(() => {
        if (what === SUBJECT) at.scale = clamp((before.scale * reach) / before.reach, scale, 100);
        else at.radius = clamp(reach / this.view.toPixels(1), lights.numbers.radius, 1000);
      }, false);
    }

    _placeLight(index, handle, size) {
      const light = this.stage.allLights[index];
      handle.hidden = size.hidden = !["side", "spot"].includes(light.kind);
      if (handle.hidden) return;
      const { x, y } = this.view.placeOf(light);
      Object.assign(handle.style, { left: `${x}px`, top: `${y}px`, background: toHex(light.colour) });
      handle.classList.toggle("iclight-off", Boolean(light.off));
      handle.setAttribute("aria-label", describe(light, index));
      handle.title = describe(light, index);
      const isSized = light.kind === "spot" && this.chosen === index;
      size.hidden = !isSized;
      if (isSized) Object.assign(size.style, { left: `${x + this.view.toPixels(light.radius)}px`, top: `${y}px` });
      size.title = "Radius";
    }

    _placeSubject(handle, size) {
      const box = this.view.subjectBox(this.stage.scene.place);
      handle.hidden = !box;
      size.hidden = !box || this.chosen !== SUBJECT;
      if (!box) return;
      for (const side of ["left", "top", "width", "height"]) handle.style[side] = `${box[side]}px`;
      handle.setAttribute("aria-label", "Subject: arrow keys move it, plus and minus scale it, M mirrors it");
      handle.title = "Drag the subject";
      Object.assign(size.style, { left: `${box.left + box.width}px`, top: `${box.top + box.height}px` });
      size.title = "Scale";
    }

    // Keys

    _onKey(event) {
      const { stage } = this;
      if (this._isDragged) return;
      const isUndo = (event.ctrlKey || event.metaKey) && ["z", "y"].includes(event.key.toLowerCase());
      if (isUndo) {
        stage.goTo(event.key.toLowerCase() === "y" || event.shiftKey ? 1 : -1);
        event.preventDefault();
        return;
      }
      if (!event.target.matches(".iclight-handle") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (!this._thing) return;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const grows = { "+": 1, "=": 1, "-": -1 }[event.key];
      const isLight = this.chosen !== SUBJECT;
      if (way) this._nudge(way, event.shiftKey ? 5 : 1);
      else if (grows) this._grow(grows);
      else if (event.key.toLowerCase() === "m" && !isLight) this._mirror();
      else if (event.key === "Delete" && isLight) this._remove();
      else return;
      event.preventDefault();
    }

    get _thing() {
      return this.chosen === SUBJECT ? this.stage.scene.place : this.stage.allLights[this.chosen];
    }

    /** Set fields of what is chosen: a light is the scene's own then. */
    _set(fields, isDone) {
      const { stage } = this;
      if (this.chosen !== SUBJECT) {
        stage.adopt();
        stage.moving = this.chosen;
      }
      stage.change(() => Object.assign(this._thing, fields), isDone);
    }

    _nudge([right, down], by) {
      const { kind, angle, x, y } = this._thing;
      const to = (from, way) => clamp(from + 0.01 * way * by, AROUND, 1000);
      if (kind === "side") this._set({ angle: (angle + (right || down) * by + 360) % 360 });
      else this._set({ x: to(x, right), y: to(y, down) });
    }

    _grow(direction) {
      const { scale, radius } = this._thing;
      const factor = 1.05 ** direction;
      const { data } = this.stage;
      if (scale) this._set({ scale: clamp(scale * factor, data.scale, 100) });
      else if (radius) this._set({ radius: clamp(radius * factor, data.lights.numbers.radius, 1000) });
    }

    _mirror() {
      this._set({ mirrored: !this._thing.mirrored });
    }

    _remove() {
      const index = this.chosen;
      this.stage.adopt();
      this.stage.change((scene) => scene.lights.splice(index, 1));
    }

    // The list of what is there, and the controls of what is chosen

    _showList() {
      const { stage } = this;
      const key = JSON.stringify([this.chosen, ...stage.allLights.map(({ kind, colour, off }) => [kind, colour, off])]);
      if (key === this._listFor) return;
      this._listFor = key;
      const { children } = this._list;
      const things = this._things;
      while (children.length > things.length) this._list.lastChild.remove();
      for (const what of things.slice(children.length)) {
        this._list.append(makeButton("Subject", "", () => this._choose(what)));
      }
      for (const [at, what] of things.entries()) {
        const entry = children[at];
        entry.setAttribute("aria-pressed", what === this.chosen);
        if (what === SUBJECT) continue;
        const light = stage.allLights[what];
        entry.textContent = `${NAMES[light.kind]} ${at}`;
        entry.style.setProperty("--iclight-colour", toHex(light.colour));
        entry.classList.toggle("iclight-off", Boolean(light.off));
      }
    }

    _showControls() {
      const { stage } = this;
      const lights = stage.allLights;
      if (this.chosen !== SUBJECT && !lights[this.chosen]) this.chosen = SUBJECT;
      const light = this.chosen === SUBJECT ? null : lights[this.chosen];
      const key = `${this.chosen} ${light?.kind}`;
      if (key !== this._controlsFor) {
        this._controlsFor = key;
        this._fields = [];
        this._controls.replaceChildren(...(light ? this._lightControls(light.kind) : this._subjectControls()));
      }
      for (const show of this._fields) show();
    }

    _subjectControls() {
      const { stage } = this;
      const scale = this._range("Scale", stage.data.scale, 0.01, "scale");
      const mirrored = make("input", { type: "checkbox" });
      mirrored.addEventListener("change", () => this._mirror());
      this._fields.push(() => {
        mirrored.checked = stage.scene.place.mirrored;
      });
      const back = makeButton("Back to its place", "In the middle, covering the frame", () => {
        this._set({ x: 0.5, y: 0.5, scale: 1 });
      });
      return [scale, make("label", {}, mirrored, "Mirrored"), back];
    }

    _lightControls(kind) {
      const { fields, numbers, kelvin } = this.stage.data.lights;
      const ranges = fields[kind]
        .filter((name) => numbers[name] && !["x", "y"].includes(name))
        .map((name) => {
          const range = this._range(numbers[name].label, numbers[name], name === "angle" ? 1 : 0.01, name);
          range.title = numbers[name].help;
          return range;
        });
      const off = makeButton("Switch off", "Off, it stays on the stage and lights nothing", () => {
        this._set({ off: !this._thing.off });
      });
      this._fields.push(() => {
        off.firstChild.data = this._thing.off ? "Switch on" : "Switch off";
      });
      return [
        ...ranges,
        this._colourControl(),
        this._range("Kelvin", kelvin, 100, "colour", (colour) => parseInt(colour, 10) || 6500, (value) => `${value}K`),
        off,
        makeButton("Duplicate", "Another one like this", () => this._add({ ...this._thing })),
        makeButton("Remove", "Take this light away", () => this._remove()),
      ];
    }

    /** What sets fields of what is chosen, while it is dragged too. */
    _input(looks, toFields) {
      const set = (isDone) => this._set(toFields(input.value), isDone);
      const input = make("input", { ...looks, on: { input: () => set(false), change: () => set(true) } });
      return input;
    }

    _colourControl() {
      const colour = this._input({ type: "color" }, (value) => ({ colour: value }));
      this._fields.push(() => {
        colour.value = toHex(this._thing.colour);
      });
      return make("label", {}, "Colour", colour);
    }

    /** A slider for a field of what is chosen, with its number behind it. */
    _range(label, { low: min, high: max }, step, name, read = Number, write = Number) {
      const looks = { type: "range", min, max, step, aria: { label } };
      const range = this._input(looks, (text) => ({ [name]: write(text) }));
      const value = make("output", {}, "");
      this._fields.push(() => {
        range.value = read(this._thing[name]);
        // A new node would wake the web UI's observer of the whole page.
        value.firstChild.data = String(Math.round(read(this._thing[name]) * 100) / 100);
      });
      return make("label", {}, label, range, value);
    }
  };

  function snap(angle) {
    const quarter = Math.round(angle / 90) * 90;
    return Math.abs(angle - quarter) <= SNAP ? quarter % 360 : Math.round(angle) % 360;
  }

  function describe(light, index) {
    const what = `${NAMES[light.kind]} ${index + 1}`;
    const where = light.kind === "side" ? `from ${Math.round(light.angle)}°` : `at ${light.x}, ${light.y}`;
    return `${what}, ${where}, ${light.colour}: arrow keys move it, Delete removes it`;
  }
})();
