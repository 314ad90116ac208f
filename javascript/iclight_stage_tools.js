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

  /** @param {string} label - for screen readers, where the text is no words */
  function makeButton(text, title, click, label = text) {
    return make("button", { type: "button", textContent: text, title, aria: { label }, on: { click } });
  }

  /** Within a range, and rounded to 1 / `steps`. */
  const clamp = (value, { low, high }, steps) => Math.round(Math.min(Math.max(value, low), high) * steps) / steps;

  /** Where things may be, in shares of the frame. */
  const AROUND = { low: -1, high: 2 };

  /** A light's colour as `#rrggbb`. */
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
      this._handles = [];
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

    /** Say how the subject was cut out, or what is wrong. */
    say(text, problem = "") {
      this._words.textContent = problem || text || "";
      this._words.classList.toggle("iclight-problem", Boolean(problem));
    }

    /** Draw the frame, and put everything where it belongs. */
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
      this._showHandles();
      this._showList();
      this._showControls();
      this._undo.disabled = stage.step <= 0;
      this._redo.disabled = stage.step >= stage.history.length - 1;
    }

    // The row of buttons

    _makeBar() {
      const { stage } = this;
      const add = (kind, values) =>
        makeButton(`+ ${NAMES[kind]}`, WHAT[kind], () => this._add({ kind, ...values }), `Add ${NAMES[kind]}`);
      const presets = make("select", { title: "Lights to begin with", aria: { label: "Preset" } });
      presets.append(make("option", { value: "", textContent: "Preset…" }));
      for (const name of Object.keys(stage.data.lights.presets)) {
        presets.append(make("option", { value: name, textContent: name[0].toUpperCase() + name.slice(1) }));
      }
      const onlyColours = make("input", { type: "checkbox" });
      presets.addEventListener("change", () => {
        if (presets.value) stage.usePreset(presets.value, onlyColours.checked);
        presets.value = "";
      });
      const views = make("select", { title: "What is shown", aria: { label: "View" } });
      for (const [value, textContent] of Object.entries(VIEWS)) views.append(make("option", { value, textContent }));
      views.addEventListener("change", () => {
        stage.view = views.value;
        stage.refresh();
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
      this._controlsFor = null;
      this.stage.draw();
    }

    // Handles

    _showHandles() {
      const { stage, view } = this;
      const kinds = stage.allLights.map(({ kind }) => kind);
      const key = kinds.join();
      if (key !== this._handlesFor) {
        this._handlesFor = key;
        const placed = [...kinds.keys()].filter((index) => ["side", "spot"].includes(kinds[index]));
        const wanted = [SUBJECT, ...placed];
        this._handles = wanted.map((what) => [what, this._makeHandle(what)]);
        this._handleLayer.replaceChildren(...this._handles.flatMap(([, made]) => made));
      }
      for (const [what, [handle, size]] of this._handles) {
        if (what === SUBJECT) this._placeSubject(handle, size);
        else this._placeLight(what, handle, size);
        handle.classList.toggle("iclight-chosen", what === this.chosen);
      }
    }

    _makeHandle(what) {
      const { stage } = this;
      const kind = what === SUBJECT ? what : "light";
      const handle = make("button", { type: "button", className: `iclight-handle iclight-${kind}` });
      const size = make("button", { type: "button", className: "iclight-handle iclight-size", tabIndex: -1 });
      const grab = () => {
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
          const at = what === SUBJECT ? stage.scene.place : stage.scene.lights[what];
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
          before = { ...this._reach(what, event), scale: stage.scene.place.scale };
        },
        (event) => this._resize(what, event, before),
        () => this._finish()
      );
      handle.addEventListener("focus", () => this.chosen === what || this._choose(what));
      return [handle, size];
    }

    _finish() {
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
      const at = (side) => clamp(share[side] + grip[side], AROUND, 1000);
      this.stage.change((scene) => {
        const light = scene.lights[what];
        if (what === SUBJECT) Object.assign(scene.place, { x: at("x"), y: at("y") });
        else if (light.kind === "spot") Object.assign(light, { x: at("x"), y: at("y") });
        else light.angle = snap(this.view.angleAt(...this._pointOf(event)));
      }, false);
    }

    /** How far from its middle the subject or a spot is held, in pixels. */
    _reach(what, event) {
      const [x, y] = this._pointOf(event);
      const { left, top, width, height } = this.view.shown;
      const at = what === SUBJECT ? this.stage.scene.place : this.stage.scene.lights[what];
      return { reach: Math.max(1, Math.hypot(x - left - at.x * width, y - top - at.y * height)) };
    }

    _resize(what, event, before) {
      const { numbers } = this.stage.data.lights;
      const { reach } = this._reach(what, event);
      this.stage.change((scene) => {
        if (what === SUBJECT) {
          scene.place.scale = clamp((before.scale * reach) / before.reach, this.stage.data.scale, 100);
        } else {
          scene.lights[what].radius = clamp(reach / this.view.toPixels(1), numbers.radius, 1000);
        }
      }, false);
    }

    _placeLight(index, handle, size) {
      const light = this.stage.allLights[index];
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
      const isUndo = (event.ctrlKey || event.metaKey) && ["z", "y"].includes(event.key.toLowerCase());
      if (isUndo) {
        stage.goTo(event.key.toLowerCase() === "y" || event.shiftKey ? 1 : -1);
        event.preventDefault();
        return;
      }
      if (!event.target.classList.contains("iclight-handle") || event.ctrlKey || event.altKey || event.metaKey) return;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const grows = { "+": 1, "=": 1, "-": -1 }[event.key];
      const isLight = this.chosen !== SUBJECT;
      if (way) this._nudge(way, event.shiftKey ? 5 : 1);
      else if (grows) this._grow(grows);
      else if (event.key === "m" && !isLight) this._mirror();
      else if (event.key === "Delete" && isLight) this._remove();
      else return;
      event.preventDefault();
    }

    _nudge([right, down], by) {
      const what = this.chosen;
      if (what !== SUBJECT) this.stage.adopt();
      this.stage.change((scene) => {
        const at = what === SUBJECT ? scene.place : scene.lights[what];
        if (at.kind === "side") {
          at.angle = (at.angle + (right || down) * by + 360) % 360;
        } else {
          at.x = clamp(at.x + 0.01 * right * by, AROUND, 1000);
          at.y = clamp(at.y + 0.01 * down * by, AROUND, 1000);
        }
      });
    }

    _grow(direction) {
      const what = this.chosen;
      const factor = 1.05 ** direction;
      if (what !== SUBJECT) this.stage.adopt();
      const { radius } = this.stage.data.lights.numbers;
      const { scale } = this.stage.data;
      this.stage.change((scene) => {
        const light = scene.lights[what];
        if (what === SUBJECT) scene.place.scale = clamp(scene.place.scale * factor, scale, 100);
        else if (light.kind === "spot") light.radius = clamp(light.radius * factor, radius, 1000);
      });
    }

    _mirror() {
      this.stage.change((scene) => {
        scene.place.mirrored = !scene.place.mirrored;
      });
    }

    _remove() {
      const index = this.chosen;
      this.stage.adopt();
      this.stage.change((scene) => scene.lights.splice(index, 1));
      this._choose(SUBJECT);
    }

    // The list of what is there, and the controls of what is chosen

    _showList() {
      const { stage } = this;
      const key = JSON.stringify([this.chosen, ...stage.allLights.map(({ kind, colour, off }) => [kind, colour, off])]);
      if (key === this._listFor) return;
      this._listFor = key;
      const entries = [[SUBJECT, "Subject", null]];
      for (const [index, light] of stage.allLights.entries()) {
        entries.push([index, `${NAMES[light.kind]} ${index + 1}`, light]);
      }
      this._list.replaceChildren(
        ...entries.map(([what, name, light]) => {
          const entry = makeButton(name, name, () => this._choose(what));
          entry.setAttribute("aria-pressed", what === this.chosen);
          if (light) {
            entry.style.setProperty("--iclight-colour", toHex(light.colour));
            entry.classList.toggle("iclight-off", Boolean(light.off));
          }
          return entry;
        })
      );
    }

    _showControls() {
      const { stage } = this;
      const lights = stage.allLights;
      if (this.chosen !== SUBJECT && !lights[this.chosen]) this.chosen = SUBJECT;
      const light = this.chosen === SUBJECT ? null : lights[this.chosen];
      const key = JSON.stringify([this.chosen, light?.kind, Boolean(light?.off)]);
      if (key !== this._controlsFor) {
        this._controlsFor = key;
        this._fields = [];
        this._controls.replaceChildren(...(light ? this._lightControls(light) : this._subjectControls()));
      }
      for (const show of this._fields) show();
    }

    _subjectControls() {
      const { stage } = this;
      const { low, high } = stage.data.scale;
      const scale = this._range("Scale", low, high, 0.01, () => stage.scene.place.scale, (value) => {
        stage.scene.place.scale = value;
      });
      const mirrored = make("input", { type: "checkbox" });
      mirrored.addEventListener("change", () => this._mirror());
      this._fields.push(() => {
        mirrored.checked = stage.scene.place.mirrored;
      });
      const back = makeButton("Back to its place", "In the middle, covering the frame", () => {
        stage.change((scene) => Object.assign(scene.place, { x: 0.5, y: 0.5, scale: 1 }));
      });
      return [scale, make("label", {}, mirrored, "Mirrored"), back];
    }

    _lightControls(light) {
      const { stage } = this;
      const now = () => stage.allLights[this.chosen] ?? light;
      const { fields, numbers, kelvin } = stage.data.lights;
      const ranges = fields[light.kind]
        .filter((name) => numbers[name] && !["x", "y"].includes(name))
        .map((name) => {
          const { low, high, label, help } = numbers[name];
          const range = this._range(label, low, high, name === "angle" ? 1 : 0.01, () => now()[name], (value) => {
            stage.scene.lights[this.chosen][name] = value;
          });
          range.title = help;
          return range;
        });
      return [
        ...ranges,
        this._colourControl(now),
        this._range("Kelvin", kelvin.low, kelvin.high, 100, () => parseInt(now().colour, 10) || 6500, (value) => {
          stage.scene.lights[this.chosen].colour = `${value}K`;
        }),
        makeButton(light.off ? "Switch on" : "Switch off", "Off, it stays on the stage and lights nothing", () => {
          stage.adopt();
          stage.change((scene) => {
            scene.lights[this.chosen].off = !scene.lights[this.chosen].off;
          });
        }),
        makeButton("Duplicate", "Another one like this", () => this._add({ ...now() })),
        makeButton("Remove", "Take this light away", () => this._remove()),
      ];
    }

    _colourControl(now) {
      const { stage } = this;
      const colour = make("input", { type: "color" });
      const set = (isDone) => {
        stage.adopt();
        stage.moving = this.chosen;
        stage.change((scene) => {
          scene.lights[this.chosen].colour = colour.value;
        }, isDone);
      };
      colour.addEventListener("input", () => set(false));
      colour.addEventListener("change", () => set(true));
      this._fields.push(() => {
        colour.value = toHex(now().colour);
      });
      return make("label", {}, "Colour", colour);
    }

    /** A slider with its number behind it. */
    _range(label, min, max, step, get, set) {
      const { stage } = this;
      const range = make("input", { type: "range", min, max, step, aria: { label } });
      const value = make("output", {}, "");
      const change = (isDone) => {
        if (this.chosen !== SUBJECT) {
          stage.adopt();
          stage.moving = this.chosen;
        }
        stage.change(() => set(Number(range.value)), isDone);
      };
      range.addEventListener("input", () => change(false));
      range.addEventListener("change", () => change(true));
      this._fields.push(() => {
        range.value = get();
        value.firstChild.data = String(Math.round(get() * 100) / 100); // web UIs look for what is new when nodes are
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
