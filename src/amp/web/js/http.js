// The HTTP API. The cookie of the login goes with every request by itself.

/** The clock of amp, which may differ from this machine's. */
export const amp = {
  ahead_ms: 0,
  now() {
    return Date.now() + this.ahead_ms;
  },
};

/** What the API refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Ask the API.
 *
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {object} [body] sent as JSON
 * @returns {Promise<any>} what it answered; null for no content
 * @throws {ApiError}
 */
export async function ask(method, path, body) {
  const options = { method, headers: { accept: "application/json" }, cache: "no-store" };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await reach(`/api/v1${path}`, options, path === "/actions" ? 1 : 2);
  const told = Date.parse(response.headers.get("date"));
  if (Math.abs(told - amp.now()) > 2000) amp.ahead_ms = told - Date.now(); // it tells whole seconds
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const { code = "internal", message = `status ${response.status}` } = answer.error ?? {};
    throw new ApiError(response.status, code, message);
  }
  return answer;
}

/**
 * Browsers open connections ahead. On a port that speaks AMI, too, one that waits is greeted as an AMI client,
 * and the request that takes it later fails (docs/dashboard.md): so what may be repeated is tried again. An
 * action never is.
 */
async function reach(url, options, tries) {
  for (let left = tries; ; left -= 1) {
    try {
      return await fetch(url, options);
    } catch {
      if (left <= 1) throw new ApiError(0, "unreachable", "amp cannot be reached");
    }
  }
}
