/** The panel's own components, as the stage reads and sets them. */
(() => {
  const iclight = (window.iclight ??= {});

  /** gradio hears of a value when its field says that something was typed into it. */
  function type(field, value) {
    if (!field || field.value === value) return Boolean(field);
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  }

  /** gradio 3 has the button's words in the browser's language: there it is a picture's last. */
  function takeAway(part) {
    const buttons = part.querySelector("img") ? [...part.querySelectorAll("button")] : [];
    (buttons.find((each) => each.matches('[aria-label="Remove Image"]')) ?? buttons.pop())?.click();
  }

  function isShown(element) {
    return Boolean(element) && !element.closest(".hidden, .hide");
  }

  /** One tab's panel, its settings named as in a request. */
  iclight.PanelSettings = class PanelSettings {
    /** @param {string} tab - `txt2img` or `img2img` */
    constructor(tab) {
      this.tab = tab;
      this.waiting = new Map(); // what can't be set yet, by name
      this._observer = new MutationObserver(() => this._setWaiting());
    }

    /** The frame that will be generated, in pixels: the tab's own width and height, 512 × 512 if it has none. */
    frame() {
      const [width, height] = ["width", "height"].map((side) => {
        const field = document.querySelector(`#${this.tab}_${side} input[type=number]`);
        return Math.min(Math.max(Math.round(field?.value) || 512, 64), 8192);
      });
      return { width, height };
    }

    /** Call when a size is typed or dragged, after gradio has set its other field. */
    onFrame(call) {
      for (const side of ["width", "height"]) {
        const part = document.getElementById(`${this.tab}_${side}`);
        part?.addEventListener("input", () => queueMicrotask(call));
      }
    }

    setText(name, value) {
      this._set(name, (part) => type(part.querySelector("textarea, input"), value));
    }

    setNumber(name, value) {
      const text = String(Math.round(value * 1e4) / 1e4);
      this._set(name, (part) => type(part.querySelector("input[type=number]"), text));
    }

    setSwitch(name, isOn) {
      this._set(name, (part) => {
        const box = part.querySelector("input[type=checkbox]");
        if (box && box.checked !== isOn) box.click();
        return Boolean(box);
      });
    }

    /** @param {string} label - what is chosen, as the panel calls it */
    choose(name, label) {
      // what is shown may be in another language
      const found = [...this._part(name).querySelectorAll("input[type=radio]")].find((each) => each.value === label);
      if (found && !found.checked) found.click();
    }

    /** Put a picture file into a component. A gradio that takes none while there is a picture is emptied first. */
    give(name, file) {
      const held = () => this._part(name).querySelector("img")?.src;
      const before = held();
      this._set(name, (part) => {
        if (held() && held() !== before) return true; // another one came, which is newer
        const input = part.querySelector("input[type=file]");
        if (!input) return takeAway(part);
        const given = new DataTransfer();
        given.items.add(file);
        input.files = given.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
        return true;
      });
    }

    clear(name) {
      this.waiting.delete(name);
      takeAway(this._part(name));
    }

    /** The address of a component's picture; empty without one. */
    picture(name) {
      const part = this._part(name);
      return (isShown(part) && part.querySelector("img")?.src) || "";
    }

    /** Open a part of the panel that is folded away, and go there. */
    open(name) {
      const part = this._part(name);
      const title = part?.querySelector(".label-wrap");
      if (title && !title.classList.contains("open")) title.click();
      part?.scrollIntoView({ block: "center" });
    }

    /** Have the panel's titles pressed by the keyboard too, where they are no buttons: in gradio 3. */
    makeTitlesPressable() {
      for (const title of this._part("enabled").querySelectorAll("div.label-wrap")) {
        Object.assign(title, { tabIndex: 0, role: "button" });
        const tell = () => title.setAttribute("aria-expanded", title.classList.contains("open"));
        tell();
        title.addEventListener("click", () => queueMicrotask(tell)); // gradio opens it first
        title.addEventListener("keydown", (event) => {
          if (event.target !== title || !["Enter", " "].includes(event.key)) return;
          event.preventDefault();
          title.click();
        });
      }
    }

    press(name) {
      const found = this._part(name);
      (found?.matches("button") ? found : found?.querySelector("button"))?.click();
    }

    isShown(name) {
      return isShown(this._part(name));
    }

    /** Call when gradio shows or hides it. */
    onShown(name, call) {
      new MutationObserver(call).observe(this._part(name), { attributeFilter: ["class"] });
    }

    _part(name) {
      return document.getElementById(`iclight_${this.tab}_${name}`);
    }

    /** What can't be set yet, because its component takes no effect beside another's old value and isn't there, is
     * set when it appears. */
    _set(name, set) {
      this.waiting.set(name, set);
      this._setWaiting();
    }

    _setWaiting() {
      for (const [name, set] of [...this.waiting]) {
        const part = this._part(name);
        if (isShown(part) && set(part)) this.waiting.delete(name);
      }
      if (!this.waiting.size) this._observer.disconnect();
      else this._observer.observe(this._part("enabled"), { childList: true, subtree: true, attributes: true });
    }
  };
})();
