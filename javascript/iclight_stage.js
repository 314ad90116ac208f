/** The stage: the frame that will be generated, with its lights, background and subject, to be arranged by hand.
 *
 * What it shows is the panel's own settings: it sets them, and follows them wherever else they are set. Only lights
 * that are switched off for a moment are its own.
 */
(() => {
  const iclight = (window.iclight ??= {});

  const stages = new Map();

  const CENTRED = { x: 0.5, y: 0.5, scale: 1, mirrored: false };

  const HISTORY = 100;

  /** The panel's column that is shown with a model that looks at a background. */
  const BACKGROUND = "background_group";

  class Stage {
    /** @param {HTMLElement} root - one of the page's has what Python tells in `data-shared` */
    constructor(root) {
      this.data = JSON.parse(document.querySelector(".iclight-stage[data-shared]").dataset.shared);
      this.tab = root.dataset.tab;
      this.settings = new iclight.PanelSettings(this.tab);
      this.scene = { lights: [], light: "none", background: "image", place: { ...CENTRED } };
      this.view = "composed";
      this.moving = -1;
      this.history = [];
      this.step = -1;
      this._isAsking = this._asksAgain = this._isDrawing = false;
      this._number = 0; // of the last question
      this._values = this._told = this._askedFor = null;
      iclight.lights.setUp(this.data.lights);
      iclight.StageView.longest = this.data.longest;
      this._sides = readAll(this.data.sides);
      this._walls = readAll(this.data.backgrounds);
      this.tools = new iclight.StageTools(this, root);
      this.root = root;
      this.settings.makeTitlesPressable();
      this.settings.onShown(BACKGROUND, () => this._values && this.follow(this._values));
      // no field tells what a web UI's button set: that is seen when the stage is turned to
      this.settings.onFrame(() => this.refresh());
      for (const turnsTo of ["pointerenter", "focusin"]) root.addEventListener(turnsTo, () => this.refresh());
      this._wasShown = false;
      new ResizeObserver(() => this._onResize()).observe(root);
    }

    get hasBackground() {
      return this.settings.isShown(BACKGROUND);
    }

    /** Whether all that it was told is drawn, with what Python drew for it. */
    get isAtRest() {
      return !this._isAsking && !this._asksAgain && !this._isDrawing;
    }

    get isShown() {
      return this.root.offsetParent !== null;
    }

    /** The lights that the chosen side or wall stands for; undefined where none is chosen. */
    get namedLights() {
      return this._namedIn(this.scene);
    }

    _namedIn({ background, light }) {
      return this.hasBackground ? this._walls[background] : this._sides[light];
    }

    /** Those, or the scene's own: what is on the stage. */
    get allLights() {
      return this.namedLights ?? this.scene.lights;
    }

    get lights() {
      return this.allLights.filter((light) => !light.off);
    }

    /** Nothing is drawn or asked for while the panel is closed: when it opens, its size changes. To ask at every other
     * width would never end, as the answer's words may take another line. */
    _onResize() {
      const opens = this.isShown && !this._wasShown;
      this._wasShown = this.isShown;
      if (opens) this.refresh();
      else this.draw();
      this.tools.pictures.show(); // also when it closes
    }

    // What Python tells

    /** @param {Array} values - the settings' as they are now, in the order of `data.told` */
    follow(values) {
      this._values = values;
      const told = Object.fromEntries(this.data.told.map((name, index) => [name, values[index]]));
      const lights = iclight.lights.read(told.lights ?? "");
      this._told = { ...told, lights: null }; // which the page draws itself
      const scene = this.scene;
      scene.light = this.data.labels.light[told.light] ?? "none";
      scene.background = this.data.labels.background[told.background] ?? "image";
      scene.place = { ...CENTRED, mirrored: Boolean(told.subject_mirrored) };
      for (const side of ["x", "y", "scale"]) {
        const value = +told[`subject_${side}`];
        if (Number.isFinite(value)) scene.place[side] = value;
      }
      if (this.namedLights) this.settings.waiting.delete("lights");
      // what waits for its field to be shown is newer
      if (!this.settings.waiting.has("lights")) {
        if (lights && !this.namedLights && !this._isTold(lights)) scene.lights = lights;
        if (this.moving < 0) this.remember();
      }
      this.refresh();
    }

    _isTold(lights) {
      const on = this.scene.lights.filter((light) => !light.off);
      return iclight.lights.write(lights) === iclight.lights.write(on);
    }

    /** Draw, and ask Python for the subject and the background in their places, where these are others.
     * @param {boolean} isOther - the pictures are, or how the subject is cut out */
    refresh(isOther = false) {
      if (isOther) this._askedFor = null;
      if (!this.isShown) return;
      this.tools.view.setFrame(this.settings.frame());
      this.draw();
      const key = JSON.stringify([this._told, this.question()]);
      if (key === this._askedFor) return;
      this._askedFor = key;
      this._ask();
    }

    /** One answer at a time, and the last question is always answered. */
    _ask() {
      if (this._isAsking) {
        this._asksAgain = true;
        return;
      }
      this._isAsking = true;
      this._number += 1;
      this.tools.say("Drawing…");
      this.settings.press("stage_ask");
    }

    /** What Python draws the layers for: JSON.
     * @param {boolean} isAsked - with the number that the answer has too */
    question(isAsked = false) {
      const size = iclight.StageView.drawnSize(this.settings.frame());
      const seen = this.view === "seen";
      const subject = this.tools.pictures.tabPicture;
      return JSON.stringify({ ...size, seen, subject, number: isAsked && this._number });
    }

    /** @param {string} text - JSON, as Python's `draw_stage` has it */
    async takeLayers(text) {
      try {
        const answer = JSON.parse(text);
        // where Python failed, gradio hands over the answer before
        if (answer.number !== this._number) throw new Error("Python has not answered");
        const layers = await Promise.all([answer.subject, answer.backdrop].map(toBitmap));
        this.tools.say(answer.said, answer.problem);
        this.refresh(); // asks again where the frame has another size by now
        this.tools.view.setLayers(layers, answer.place);
      } catch (error) {
        console.error(error);
        this._askedFor = null;
        this.tools.say("", "The stage could not be drawn: the console says why. Change a setting, or reload the page.");
      }
      this._isAsking = false;
      if (this._asksAgain) {
        this._asksAgain = false;
        this._ask();
      }
    }

    // What the user does

    /** Make the lights that a name stands for the scene's own. */
    adopt() {
      const named = this.namedLights;
      if (!named) return;
      this.scene.lights = named.map((light) => ({ ...light }));
      if (this.hasBackground) this.scene.background = "lights";
      else this.scene.light = "none";
    }

    /** Change the scene by a function of it, then draw.
     * @param {boolean} isDone - the gesture has ended: the settings are set, and it can be undone */
    change(how = () => {}, isDone = true) {
      how(this.scene);
      if (isDone) {
        this.moving = -1;
        this.tell();
        this.remember();
      }
      this.draw();
    }

    tell() {
      const { scene } = this;
      const { lights, place } = scene;
      const on = lights.filter((each) => !each.off);
      if (!this.namedLights) {
        // beside a name chosen for the other kind of model they take no effect
        if (this._sides[scene.light]) scene.light = "none";
        if (this._walls[scene.background]) scene.background = "image";
        this.settings.setText("lights", iclight.lights.write(on));
      }
      for (const name of ["light", "background"]) this.settings.choose(name, this._label(name, scene[name]));
      for (const side of ["x", "y", "scale"]) this.settings.setNumber(`subject_${side}`, place[side]);
      this.settings.setSwitch("subject_mirrored", place.mirrored);
    }

    _label(name, value) {
      return Object.entries(this.data.labels[name]).find(([, each]) => each === value)?.[0];
    }

    /** Keep the scene for undo. */
    remember() {
      const before = this.history[this.step];
      if (before && this._seenOf(JSON.parse(before)) === this._seenOf(this.scene)) return;
      this.history = [...this.history.slice(0, this.step + 1), JSON.stringify(this.scene)].slice(-HISTORY);
      this.step = this.history.length - 1;
    }

    /** What the chosen kind of model has of a scene. */
    _seenOf(scene) {
      const lights = this._namedIn(scene) ?? scene.lights;
      return JSON.stringify([lights, this.hasBackground ? scene.background : scene.light, scene.place]);
    }

    /** Back (-1) or forth (1) by one change. */
    goTo(direction) {
      const scene = this.history[this.step + direction];
      if (scene === undefined) return;
      this.step += direction;
      this.scene = JSON.parse(scene);
      this.tell();
      this.draw();
    }

    reset() {
      this.change((scene) => {
        Object.assign(scene, { lights: [], light: "none", place: { ...CENTRED } });
        if (this.hasBackground) scene.background = "image";
      });
    }

    /** Replace the lights by a preset's, or only their colours. */
    usePreset(name, onlyColours) {
      const preset = iclight.lights.read(this.data.lights.presets[name]);
      this.adopt();
      this.change((scene) => {
        scene.lights = onlyColours && scene.lights.length ? recolour(scene.lights, preset) : preset;
      });
    }

    draw() {
      if (this._isDrawing || !this.isShown) return;
      this._isDrawing = true;
      requestAnimationFrame(() => {
        this._isDrawing = false;
        this.tools.draw();
      });
    }
  }

  /** Lights in a preset's colours: each in that of the preset's of its kind, or of its first. */
  function recolour(lights, preset) {
    const alike = ({ kind }) => preset.find((each) => each.kind === kind) ?? preset[0];
    return lights.map((light) => ({ ...light, colour: alike(light).colour }));
  }

  function readAll(texts) {
    return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, iclight.lights.read(text)]));
  }

  async function toBitmap(address) {
    if (!address) return null;
    const image = new Image();
    image.src = address;
    await image.decode();
    return createImageBitmap(image, { colorSpaceConversion: "none" });
  }

  Object.assign(iclight, {
    /** Take the settings' values, in the stage's order: the first open the tab's stage. */
    follow(tab, ...values) {
      const root = document.querySelector(`.iclight-stage[data-tab="${tab}"]`);
      if (root && !root.childElementCount) stages.set(tab, new Stage(root));
      stages.get(tab)?.follow(values);
    },

    /** Something about the subject or the background is another. */
    renew: (tab) => stages.get(tab)?.refresh(true),

    takeLayers: (tab, text) => stages.get(tab)?.takeLayers(text),

    question: (tab) => stages.get(tab)?.question(true) ?? "",

    stage: (tab) => stages.get(tab),
  });
})();
