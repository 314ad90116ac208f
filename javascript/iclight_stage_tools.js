/** What the stage is worked with: buttons, keys, the list of what is there; and what is chosen of it. */
(() => {
  const iclight = (window.iclight ??= {});

  const SUBJECT = "subject";

  const KINDS = { side: "Side light", spot: "Spot", front: "Front light", ambient: "Ambient light" };

  const WHAT = {
    side: "Comes from beyond the frame's edge, as from a window",
    spot: "A disc of light in the frame",
    front: "Faces the camera's side of the subject",
    ambient: "From everywhere: what no other light reaches has it",
  };

  const VIEWS = { composed: "Composed", light: "Light map", seen: "As the model sees the subject" };

  /** Within a range, and rounded to 1 / `steps`. */
  const clamp = (value, { low, high }, steps) => Math.round(Math.min(Math.max(value, low), high) * steps) / steps;

  /** Where things may be, in shares of the frame. */
  const AROUND = { low: -1, high: 2 };

  iclight.StageTools = class StageTools {
    constructor(stage, root) {
      const { make } = iclight;
      this.stage = stage;
      this.chosen = SUBJECT;
      const area = make("div", { className: "iclight-area" });
      this.view = new iclight.StageView(area);
      this._handles = new iclight.StageHandles(this, area);
      this._controls = new iclight.StageControls(this);
      this._words = make("div", { className: "iclight-words", aria: { live: "polite" } });
      this._list = make("div", { className: "iclight-list", role: "toolbar", aria: { label: "On the stage" } });
      this.pictures = new iclight.StagePictures(stage, area);
      const words = make("div", { className: "iclight-bar" }, this._words, ...this.pictures.makeBar());
      root.append(this._makeBar(), area, words, this._list, this._controls.row);
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
      if (!this.thing) this.chosen = SUBJECT;
      this._controls.show();
      this._handles.show();
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
      const [handle] = this._handles.all[at];
      (handle.hidden ? this._list.children[at] : handle).focus({ preventScroll: true });
    }

    // The row of buttons

    _makeBar() {
      const { stage } = this;
      const { make, makeButton, makeSelect } = iclight;
      const add = (kind, values) =>
        makeButton(`+ ${KINDS[kind]}`, WHAT[kind], () => this.add({ kind, ...values }), `Add ${KINDS[kind]}`);
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

    add(values) {
      const { stage } = this;
      stage.adopt();
      const { fields, defaults, max } = stage.data.lights;
      const own = stage.scene.lights.filter((light) => light.kind !== "ambient");
      const isAmbient = values.kind === "ambient";
      const there = stage.scene.lights.findIndex((light) => light.kind === "ambient");
      if (isAmbient && there >= 0) {
        this.choose(there);
      } else if (!isAmbient && own.length >= max) {
        this.say("", `There are ${max} lights already: remove one first.`);
      } else {
        const known = Object.fromEntries(fields[values.kind].map((name) => [name, defaults[name]]));
        stage.change((scene) => scene.lights.push({ ...known, ...values }));
        this.choose(stage.scene.lights.length - 1);
      }
    }

    choose(what) {
      this.chosen = what;
      this.stage.draw();
    }

    // Keys

    _onKey(event) {
      const { stage } = this;
      if (this._handles.isDragged) return;
      const key = event.key?.toLowerCase();
      if ((event.ctrlKey || event.metaKey) && ["z", "y"].includes(key)) {
        stage.goTo(key === "y" || event.shiftKey ? 1 : -1);
        event.preventDefault();
        return;
      }
      if (!event.target.matches(".iclight-handle") || event.ctrlKey || event.altKey || event.metaKey) return;
      if (!this.thing) return;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const grows = { "+": 1, "=": 1, "-": -1 }[event.key];
      const isLight = this.chosen !== SUBJECT;
      if (way) this._nudge(way, event.shiftKey ? 5 : 1);
      else if (grows) this._grow(grows);
      else if (key === "m" && !isLight) this.mirror();
      else if (event.key === "Delete" && isLight) this.remove();
      else return;
      event.preventDefault();
    }

    /** What can be chosen: subject, and lights by index. */
    get things() {
      return [SUBJECT, ...this.stage.allLights.keys()];
    }

    /** The subject's place, or the light that is chosen. */
    get thing() {
      return this.chosen === SUBJECT ? this.stage.scene.place : this.stage.allLights[this.chosen];
    }

    /** Set fields of what is chosen: a light is the scene's own then. */
    set(fields, isDone) {
      const { stage } = this;
      if (this.chosen !== SUBJECT) {
        stage.adopt();
        stage.moving = this.chosen;
      }
      stage.change(() => Object.assign(this.thing, fields), isDone);
    }

    _nudge([right, down], by) {
      const { kind, angle, x, y } = this.thing;
      const to = (from, way) => clamp(from + 0.01 * way * by, AROUND, 1000);
      if (kind === "side") this.set({ angle: (angle + (right || down) * by + 360) % 360 });
      else this.set({ x: to(x, right), y: to(y, down) });
    }

    _grow(direction) {
      const { scale, radius } = this.thing;
      const factor = 1.05 ** direction;
      const { data } = this.stage;
      if (scale) this.set({ scale: clamp(scale * factor, data.scale, 100) });
      else if (radius) this.set({ radius: clamp(radius * factor, data.lights.numbers.radius, 1000) });
    }

    mirror() {
      this.set({ mirrored: !this.thing.mirrored });
    }

    remove() {
      const index = this.chosen;
      this.stage.adopt();
      this.stage.change((scene) => scene.lights.splice(index, 1));
    }

    // The list of what is there

    _showList() {
      const { stage } = this;
      const key = JSON.stringify([this.chosen, ...stage.allLights.map(({ kind, colour, off }) => [kind, colour, off])]);
      if (key === this._listFor) return;
      this._listFor = key;
      const { children } = this._list;
      const things = this.things;
      while (children.length > things.length) this._list.lastChild.remove();
      for (const what of things.slice(children.length)) {
        this._list.append(iclight.makeButton("Subject", "", () => this.choose(what)));
      }
      for (const [at, what] of things.entries()) {
        const entry = children[at];
        entry.setAttribute("aria-pressed", what === this.chosen);
        if (what === SUBJECT) continue;
        const light = stage.allLights[what];
        entry.textContent = `${KINDS[light.kind]} ${at}`;
        entry.style.setProperty("--iclight-colour", iclight.lights.toHex(light.colour));
        entry.classList.toggle("iclight-off", Boolean(light.off));
      }
    }
  };

  Object.assign(iclight, { SUBJECT, KINDS, AROUND, clamp });
})();
