/** The page's elements, made in one call each. */
(() => {
  const iclight = (window.iclight ??= {});

  /** An element with attributes, properties and children. */
  function make(tag, { on = {}, aria = {}, ...properties } = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
    for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
    element.append(...children);
    return element;
  }

  /** @param {string} [label] - for screen readers, where the text is no words */
  function makeButton(text, title, click, label) {
    return make("button", { type: "button", textContent: text, title, aria: label ? { label } : {}, on: { click } });
  }

  function makeSelect(label, title, options, on) {
    const select = make("select", { title, aria: { label }, on });
    for (const [value, textContent] of options) select.append(make("option", { value, textContent }));
    return select;
  }

  Object.assign(iclight, { make, makeButton, makeSelect });
})();
