// Light or dark, before anything is painted: a classic script, so that the page does not flash.
"use strict";
(() => {
  const KEY = "amp.theme";
  const root = document.documentElement;

  /** @param {string} theme "light", "dark", or "" for what the system says. */
  function apply(theme) {
    if (theme === "light" || theme === "dark") {
      root.dataset.theme = theme;
    } else {
      delete root.dataset.theme;
    }
  }

  // Storage may be switched off; then a choice lasts as long as the page.
  window.ampTheme = {
    get() {
      return root.dataset.theme ?? "";
    },
    set(theme) {
      apply(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch { /* see above */ }
    },
  };
  try {
    apply(localStorage.getItem(KEY) ?? "");
  } catch { /* see above */ }
})();
