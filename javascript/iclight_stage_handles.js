/** What is taken hold of on the frame: the subject, the lights, and what sizes them. */
(() => {
  const iclight = (window.iclight ??= {});

  /** Degrees around a quarter turn within which a side light snaps to it. */
  const SNAP = 3;

  /** Drag with a captured pointer: `onMove` gets each point, and the last again at the end, as what was told meanwhile
   * may have undone it; then `onEnd` is called, however it ends. */
  function makeDraggable(element, onStart, onMove, onEnd) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      onStart(event);
      let last;
      const move = (moved) => onMove((last = moved));
      const end = () => {
        element.removeEventListener("pointermove", move);
        element.removeEventListener("lostpointercapture", end);
        if (last) onMove(last);
        onEnd();
      };
      element.addEventListener("pointermove", move);
      element.addEventListener("lostpointercapture", end);
    });
  }

  iclight.StageHandles = class StageHandles {
    /** @param {HTMLElement} area - that of the frame */
    constructor(tools, area) {
      this.tools = tools;
      this.stage = tools.stage;
      this.view = tools.view;
      this.isDragged = false;
      this.all = []; // the subject's, then each light's: itself, and what sizes it
      this._area = area;
      this._layer = iclight.make("div", { className: "iclight-handles" });
      area.append(this._layer);
    }

    show() {
      const handles = this.all;
      const { things } = this.tools;
      for (const what of things.slice(handles.length)) {
        handles.push(this._makeHandle(what));
        this._layer.append(...handles[handles.length - 1]);
      }
      // a handle out of the page would not hear of its drag's end
      while (handles.length > things.length && !this.isDragged) for (const each of handles.pop()) each.remove();
      for (const [at, what] of things.entries()) {
        const [handle, size] = handles[at];
        if (what === iclight.SUBJECT) this._placeSubject(handle, size);
        else this._placeLight(what, handle, size);
        handle.classList.toggle("iclight-chosen", what === this.tools.chosen);
      }
    }

    _makeHandle(what) {
      const { stage } = this;
      const kind = what === iclight.SUBJECT ? what : "light";
      const handle = iclight.make("button", { type: "button", className: `iclight-handle iclight-${kind}` });
      const size = iclight.make("button", { type: "button", className: "iclight-handle iclight-size", tabIndex: -1 });
      const grab = () => {
        this.isDragged = true;
        if (what !== iclight.SUBJECT) stage.adopt();
        this.tools.choose(what);
        stage.moving = what === iclight.SUBJECT ? -1 : what;
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
          before = { reach: this._reach(this._held(what), event), scale: stage.scene.place.scale };
        },
        (event) => this._resize(what, event, before),
        () => this._finish()
      );
      handle.addEventListener("focus", () => this.tools.chosen === what || this.tools.choose(what));
      return [handle, size];
    }

    _finish() {
      this.isDragged = false;
      this.stage.change();
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
      const to = (side) => iclight.clamp(share[side] + grip[side], iclight.AROUND, 1000);
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
      return what === iclight.SUBJECT ? place : lights[what];
    }

    /** How far from its middle the subject or a spot is held, in pixels. */
    _reach(at, event) {
      const [x, y] = this._pointOf(event);
      const { left, top, width, height } = this.view.shown;
      return Math.max(1, Math.hypot(x - left - at.x * width, y - top - at.y * height));
    }

    _resize(what, event, before) {
      const { scale, lights } = this.stage.data;
      const at = this._held(what);
      if (!at) return;
      const reach = this._reach(at, event);
      this.stage.change(() => {
        if (what === iclight.SUBJECT) at.scale = iclight.clamp((before.scale * reach) / before.reach, scale, 100);
        else at.radius = iclight.clamp(reach / this.view.toPixels(1), lights.numbers.radius, 1000);
      }, false);
    }

    _placeLight(index, handle, size) {
      const light = this.stage.allLights[index];
      handle.hidden = size.hidden = !["side", "spot"].includes(light.kind);
      if (handle.hidden) return;
      const { x, y } = this.view.placeOf(light);
      Object.assign(handle.style, { left: `${x}px`, top: `${y}px`, background: iclight.lights.toHex(light.colour) });
      handle.classList.toggle("iclight-off", Boolean(light.off));
      handle.title = describe(light, index);
      handle.setAttribute("aria-label", handle.title);
      const isSized = light.kind === "spot" && this.tools.chosen === index;
      size.hidden = !isSized;
      if (isSized) Object.assign(size.style, { left: `${x + this.view.toPixels(light.radius)}px`, top: `${y}px` });
      size.title = "Radius";
    }

    _placeSubject(handle, size) {
      const box = this.view.subjectBox(this.stage.scene.place);
      handle.hidden = !box;
      size.hidden = !box || this.tools.chosen !== iclight.SUBJECT;
      if (!box) return;
      for (const side of ["left", "top", "width", "height"]) handle.style[side] = `${box[side]}px`;
      handle.setAttribute("aria-label", "Subject: arrow keys move it, plus and minus scale it, M mirrors it");
      handle.title = "Drag the subject";
      Object.assign(size.style, { left: `${box.left + box.width}px`, top: `${box.top + box.height}px` });
      size.title = "Scale";
    }
  };

  function snap(angle) {
    const quarter = Math.round(angle / 90) * 90;
    return Math.abs(angle - quarter) <= SNAP ? quarter % 360 : Math.round(angle) % 360;
  }

  function describe(light, index) {
    const what = `${iclight.KINDS[light.kind]} ${index + 1}`;
    const where = light.kind === "side" ? `from ${Math.round(light.angle)}°` : `at ${light.x}, ${light.y}`;
    return `${what}, ${where}, ${light.colour}: arrow keys move it, Delete removes it`;
  }
})();
