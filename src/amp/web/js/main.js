// Where the page begins: who is signed in sees the console, everybody else the login.

import { Console } from "./console.js";
import { ask } from "./http.js";
import { loginPage } from "./login.js";

const app = document.getElementById("app");
let leave = () => {};

function showLogin(why = "") {
  leave();
  leave = () => {};
  app.replaceChildren(loginPage(why, signedIn));
  document.title = "Sign in · amp";
  app.querySelector("input").focus();
}

/** Whoever has just signed in goes on at what is new, not at the top of the page. */
function signedIn(me) {
  showConsole(me);
  app.querySelector("h1").focus();
}

function showConsole(me) {
  const page = new Console(me, showLogin);
  leave = () => page.leave();
  app.replaceChildren(page.element);
  page.begin();
}

try {
  showConsole(await ask("GET", "/me"));
} catch (error) {
  showLogin(error.status === 401 ? "" : `${error.message}.`);
}
