// Signing in: a name and a secret for a cookie that no script can read.

import { el, field } from "./dom.js";
import { ask } from "./http.js";

/**
 * The page of who is not signed in.
 *
 * @param {string} why what ended the session before, if anything did
 * @param {(me: object) => void} onDone
 */
export function loginPage(why, onDone) {
  const username = el("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none" });
  const secret = el("input", {
    name: "secret", type: "password", autocomplete: "current-password", required: true,
  });
  const problem = el("p", { class: "problem", role: "alert", text: why });
  const button = el("button", { type: "submit", class: "primary", text: "Sign in" });

  async function signIn(event) {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = "";
    try {
      onDone(await ask("POST", "/login", { username: username.value, secret: secret.value }));
    } catch (error) {
      problem.textContent = error.status === 401 ? "Wrong name or secret." : `Not signed in: ${error.message}.`;
      button.disabled = false;
      secret.value = "";
      secret.focus();
    }
  }

  const form = el(
    "form",
    { class: "login card", method: "post", on: { submit: signIn } },
    el("h1", {}, el("span", { class: "brand", text: "amp" }), " Sign in"),
    problem,
    field("User", username),
    field("Secret", secret),
    button,
  );
  return el("main", { class: "login-page", id: "main" }, form);
}
