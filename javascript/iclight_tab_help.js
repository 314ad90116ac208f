/** Helps with the tab's own settings: notices another checkpoint, and puts words into the prompt. */
(() => {
  const iclight = (window.iclight ??= {});

  /** The list of checkpoints. Forge's own shares its class with that of VAEs behind it. */
  const CHECKPOINTS = ":is(#setting_sd_model_checkpoint, .model_selection)";

  /** Words that were clicked, and Python was not told. */
  const clicked = [];

  const press = (tab, name) => document.getElementById(`iclight_${tab}_${name}`)?.click();

  // left when an entry is chosen, which is written into its field right after
  document.addEventListener("focusout", ({ target }) => {
    if (target.closest?.(CHECKPOINTS)) setTimeout(() => ["txt2img", "img2img"].forEach((tab) => press(tab, "advise")));
  });

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(".iclight-prompts button");
    if (!button) return;
    clicked.push(button.textContent);
    press(button.parentElement.id.split("_")[1], "toggle_words");
  });

  Object.assign(iclight, {
    checkpointName: () => document.querySelector(`${CHECKPOINTS} input`)?.value ?? "",

    takeWords: () => clicked.splice(0).pop() ?? "",

    /** Shows which words of a tab's lists the prompt has, as Python's `toggle_words` finds them. */
    markWords(tab, prompt) {
      for (const button of document.querySelectorAll(`[id^="iclight_${tab}_words_"] button`)) {
        const words = button.textContent.replace(/[^\w\s]/g, "\\$&");
        const whole = new RegExp(`(?:^\\s*|, )${words}(?=\\s*(?:[,\\n]|$))`);
        button.setAttribute("aria-pressed", whole.test(prompt ?? ""));
      }
    },
  });
})();
