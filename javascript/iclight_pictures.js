/** Pictures on their way: dropped, sent from a gallery, exchanged; and img2img's own. */
(() => {
  const iclight = (window.iclight ??= {});

  /** What a picture can be given to, as the user calls it. */
  const TARGETS = { subject: "Subject", background_image: "Background" };

  /** What stands on the buttons beneath the results, among others that have no words either. */
  const SYMBOLS = { subject: "👤", background_image: "🏞️" };

  const ALL = ["subject", "mask", "light_map", "background_image"];

  /** The backgrounds that are a picture of one's own. */
  const PICTURES = ["image", "mirrored"];

  iclight.StagePictures = class StagePictures {
    /** @param {HTMLElement} area - has the frame; pictures can be dropped on it */
    constructor(stage, area) {
      this.stage = stage;
      this.settings = stage.settings;
      this._withBackground = []; // what goes with a model that looks at one
      this._withPicture = []; // what goes with a picture of one
      this._tabPicture = { of: "", address: "" };
      this._addDropTargets(area);
      this._addToGallery();
      if (stage.tab === "img2img") this._watchTabPicture();
    }

    makeBar() {
      const { stage, settings } = this;
      const { make, makeButton } = iclight;
      const choosers = Object.keys(TARGETS).map((name) => {
        const change = ({ target }) => this._give(name, target.files[0]);
        return make("input", { type: "file", accept: "image/*", hidden: true, on: { change } });
      });
      const choose = Object.values(TARGETS).map((label, index) =>
        makeButton(`Choose a ${label.toLowerCase()}…`, "A picture file; one can be dropped on the stage too", () => {
          choosers[index].value = ""; // the same file may be chosen again
          choosers[index].click();
        })
      );
      const swap = makeButton("Swap subject and background", "Each takes the other's picture", () => this._swap());
      const mirror = makeButton("Mirror the background", "Left and right of it change places", () => {
        stage.change((scene) => {
          scene.background = scene.background === "mirrored" ? "image" : "mirrored";
        });
      });
      this._withBackground.push(choose[1], swap, mirror);
      this._withPicture.push(swap, mirror);
      const clear = makeButton("Clear", "Take the subject's, the background's and all other pictures away", () => {
        for (const name of ALL) settings.clear(name);
      });
      const mend = makeButton("Mend the cut-out", "Its edge, and a brush to add and to take away", () => {
        settings.open("cutout_tools");
        settings.press("show_cutout");
      });
      return [...choose, ...choosers, mend, swap, mirror, clear];
    }

    /** Show what goes with the model that is chosen, and what can be done now. */
    show() {
      const { hasBackground, scene, isShown } = this.stage;
      for (const each of this._withBackground) each.hidden = !hasBackground;
      for (const each of this._withPicture) each.disabled = !PICTURES.includes(scene.background);
      for (const [name, button] of Object.entries(this._toPanel)) {
        button.hidden = !isShown || (name === "background_image" && !hasBackground);
      }
    }

    /** img2img's own picture, which is the subject where there is no other: its data address. */
    get tabPicture() {
      const shown = this._findTabPicture();
      if (!shown) return "";
      if (this._tabPicture.of !== shown.src) this._tabPicture = { of: shown.src, address: shrink(shown) };
      return this._tabPicture.address;
    }

    async _give(name, from) {
      try {
        const file = from instanceof File ? from : await load(from);
        if (!file.type.startsWith("image/")) throw new Error(`${file.name} is no picture`);
        this._makeReady(name);
        this.settings.give(name, file);
      } catch (error) {
        this.stage.tools.say("", `The picture can't be had: ${error.message}. Choose a PNG, JPEG or WebP file.`);
      }
    }

    /** A background's picture is taken only where the background is to be a picture. */
    _makeReady(name) {
      const { stage } = this;
      if (name !== "background_image" || PICTURES.includes(stage.scene.background)) return;
      stage.change((scene) => {
        scene.background = "image";
      });
    }

    async _swap() {
      const [subject, background] = Object.keys(TARGETS).map((name) => this.settings.picture(name));
      const swapped = { subject: background, background_image: subject };
      try {
        // both are read before either is replaced
        const files = await Promise.all(Object.values(swapped).map((address) => address && load(address)));
        for (const [index, name] of Object.keys(swapped).entries()) {
          if (files[index]) this.settings.give(name, files[index]);
          else this.settings.clear(name);
        }
      } catch (error) {
        this.stage.tools.say("", `The pictures can't be exchanged: ${error.message}. Choose them anew.`);
      }
    }

    _addDropTargets(area) {
      const { make } = iclight;
      const targets = make("div", { className: "iclight-drops", hidden: true });
      for (const [name, label] of Object.entries(TARGETS)) {
        const target = make("div", { textContent: label });
        target.dataset.name = name;
        if (name === "background_image") this._withBackground.push(target);
        targets.append(target);
      }
      targets.addEventListener("dragover", (event) => event.preventDefault());
      targets.addEventListener("drop", (event) => {
        event.preventDefault(); // in a gap too: the browser would open the file
        event.stopPropagation(); // the web UI takes what is dropped on its page for its own
        targets.hidden = true;
        const [file] = event.dataTransfer.files;
        const { name } = event.target.dataset;
        if (file && name) this._give(name, file);
      });
      area.addEventListener("dragenter", (event) => {
        if (event.dataTransfer.types.includes("Files")) targets.hidden = false;
      });
      area.addEventListener("dragleave", (event) => {
        if (!area.contains(event.relatedTarget)) targets.hidden = true;
      });
      area.append(targets);
    }

    /** Beneath the tab's results, where the web UI has its own buttons that send them elsewhere. */
    _addToGallery() {
      const { tab } = this.stage;
      this._toPanel = {};
      const [before] = [...document.querySelectorAll(`#image_buttons_${tab} button`)].slice(-1);
      for (const [name, label] of Object.entries(TARGETS)) {
        const title = `Relight with this picture as ${label.toLowerCase()}`;
        const className = `${before?.className ?? ""} iclight-send`;
        const click = () => {
          const find = (where) => document.querySelector(`#${tab}_gallery ${where} img`);
          const chosen = find(".preview") ?? find(".selected") ?? find("");
          if (chosen) this._give(name, chosen.src);
        };
        const looks = { type: "button", textContent: SYMBOLS[name], title, className, hidden: true };
        this._toPanel[name] = iclight.make("button", { ...looks, aria: { label: title }, on: { click } });
      }
      before?.after(...Object.values(this._toPanel));
    }

    _findTabPicture() {
      if (this.stage.tab !== "img2img" || this.settings.picture("subject")) return null;
      const shown = [...document.querySelectorAll("#mode_img2img img")].filter(
        (each) => each.naturalWidth > 1 && each.offsetParent && getComputedStyle(each).visibility !== "hidden"
      );
      return shown.sort((one, other) => other.naturalWidth - one.naturalWidth)[0];
    }

    _watchTabPicture() {
      const tabs = document.querySelector("#mode_img2img");
      if (!tabs) return;
      let seen = "";
      const look = () => {
        if (!this.stage.isShown) return; // when the panel opens, the stage asks by itself
        const address = this.tabPicture;
        if (address === seen) return;
        seen = address;
        this.stage.refresh();
      };
      new MutationObserver(look).observe(tabs, {
        childList: true,
        subtree: true,
        attributeFilter: ["src", "style", "class"],
      });
      tabs.addEventListener("load", look, true); // a picture has no size before
    }
  };

  async function load(address) {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.statusText || String(answer.status));
    const data = await answer.blob();
    return new File([data], "picture.png", data);
  }

  /** A picture of the page as a data address, no larger than the stage draws. */
  function shrink(image) {
    const canvas = document.createElement("canvas");
    const frame = { width: image.naturalWidth, height: image.naturalHeight };
    Object.assign(canvas, iclight.StageView.drawnSize(frame));
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL();
  }
})();
