// What is wrong with the page as it is shown now, for people who do not see it, or not well: a list of sentences.
() => {
  const found = [];
  const say = (element, words) => found.push(`${words}: ${element.outerHTML.slice(0, 120)}`);
  const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const all = [...document.body.querySelectorAll("*")].filter(shown);

  // Names and references.
  const textOf = (id) => document.getElementById(id)?.textContent ?? "";
  const nameOf = (element) =>
    element.getAttribute("aria-label") ||
    (element.getAttribute("aria-labelledby") ?? "").split(" ").map(textOf).join(" ").trim() ||
    [...(element.labels ?? [])].map((label) => label.textContent).join(" ").trim() ||
    (element.matches("button, a, [role=row], li") ? element.textContent.trim() : "");
  for (const element of all) {
    if (element.matches("a, button, input, select, textarea, [role=grid], nav, aside") && !nameOf(element)) {
      say(element, "without a name");
    }
    if (element.tabIndex > 0) say(element, "out of the order of tabs");
    for (const name of ["aria-labelledby", "aria-activedescendant", "for", "list"]) {
      const id = element.getAttribute(name);
      if (id && !document.getElementById(id)) say(element, `${name} names nothing`);
    }
    if (element.matches("img:not([alt]), svg:not([aria-hidden])")) say(element, "a picture without words");
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  if (new Set(ids).size < ids.length) found.push("an id twice");

  // Structure.
  if (document.documentElement.lang !== "en") found.push("no language");
  if (!document.title) found.push("no title");
  for (const landmark of ["main", "h1"]) {
    const here = all.filter((element) => element.matches(landmark));
    if (here.length !== 1) found.push(`${here.length} ${landmark}`);
  }
  let level = 0;
  for (const heading of all.filter((element) => element.matches("h1, h2, h3"))) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say(heading, "a level of headings is left out");
    level = own;
  }
  const parents = { gridcell: "row", columnheader: "row", row: "rowgroup", rowgroup: "grid" };
  for (const [role, parent] of Object.entries(parents)) {
    for (const element of all.filter((one) => one.getAttribute("role") === role)) {
      if (element.parentElement.getAttribute("role") !== parent) say(element, `a ${role} outside a ${parent}`);
    }
  }

  // Contrast (WCAG 2.2, 1.4.3 and 1.4.11).
  const parse = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const linear = rgb.map((part) => part / 255).map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const backgroundOf = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const { rgb, alpha } = parse(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return rgb;
      if (alpha > 0) say(one, "a background that can be seen through");
    }
    return parse(getComputedStyle(document.body).backgroundColor).rgb;
  };
  for (const element of all) {
    const style = getComputedStyle(element);
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (own && element.closest("svg, option, .unseen, :disabled") === null) {
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = contrast(parse(style.color).rgb, backgroundOf(element));
      if (ratio < (large ? 3 : 4.5)) say(element, `contrast of ${ratio.toFixed(2)}`);
    }
    if (element.matches("input, select, textarea")) {
      const ratio = contrast(parse(style.borderTopColor).rgb, backgroundOf(element.parentElement));
      if (ratio < 3) say(element, `border with a contrast of ${ratio.toFixed(2)}`);
    }
  }

  // Room: nothing is wider than the screen, and what is to be hit can be (WCAG 2.2, 2.5.8).
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
  for (const element of all.filter((one) => one.matches("a, button, input, select, textarea"))) {
    const { width, height } = element.getBoundingClientRect();
    if (width < 24 || height < 24) say(element, `${Math.round(width)} by ${Math.round(height)} to hit`);
  }
  return found;
}
