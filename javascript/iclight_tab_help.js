/** What helps with the tab's own settings: notices another checkpoint, and puts words into the prompt. */
(() => {
  const iclight = (window.iclight ??= {});

  /** Web UIs show it above the tabs, or beside the models; Forge's own has no id, and shares its class with that of VAEs
   * behind it. */
  const CHECKPOINTS = ":is(#setting_sd_model_checkpoint, .model_selection)";

  /** Words that were clicked and that Python has not been told yet. */
  const clicked = [];

  /** Presses a button that is never seen: Python answers. */
  function press(tab, name) {
    document.getElementById(`iclight_${tab}_${name}`)?.click();
  }

  // It is left when an entry is chosen, which is written into its field right after.
  document.addEventListener("focusout", ({ target }) => {
    if (target.closest?.(CHECKPOINTS)) setTimeout(() => ["txt2img", "img2img"].forEach((tab) => press(tab, "advise")));
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(".iclight-prompts button");
    if (!button) return;
    clicked.push(button.textContent);
    press(button.closest(".iclight-prompts").id.split("_")[1], "toggle_words");
  });

  /** What the list of checkpoints shows. */
  function checkpointName() {
    return document.querySelector(`${CHECKPOINTS} input`)?.value ?? "";
  }

  /** The words that a press of the button is for. */
  function takeWords() {
    return clicked.shift() ?? "";
  }

  /** Shows which words of a tab's lists the prompt has, as `toggle_words` in Python finds them. */
  function markWords(tab, prompt) {
    for (const button of document.querySelectorAll(`[id^="iclight_${tab}_words_"] button`)) {
      const words = button.textContent.replace(/[^\w\s]/g, "\\$&");
      const whole = new RegExp(`(?:^\\s*|, )${words}(?=\\s*(?:[,\\n]|$))`);
      button.setAttribute("aria-pressed", whole.test(prompt ?? ""));
    }
  }

  Object.assign(iclight, { checkpointName, takeWords, markWords });
})();
