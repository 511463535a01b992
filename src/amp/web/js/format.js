// Numbers and times for people.

const WHOLE = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** 12345 as 12,345. */
export function whole(number) {
  return WHOLE.format(number);
}

/** Something per second: one digit behind the point while it is small. */
export function rate(number) {
  return number < 10 ? number.toFixed(1) : whole(Math.round(number));
}

/** Bytes in the unit that fits. */
export function bytes(number) {
  let value = number;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** Seconds as 0:07, 12:34 or 1:02:03; days in front. */
export function duration(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  const clock = hours || days ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}

/** Seconds in words: 8 s, 3 min, 2 h 10 min, 4 d. */
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment (milliseconds) as time of day. */
export function clock(moment) {
  return CLOCK.format(moment);
}

/** A moment with its day. */
export function dayAndClock(moment) {
  return DAY_AND_CLOCK.format(moment);
}

/** One or several of something. */
export function count(number, one, several = `${one}s`) {
  return `${whole(number)} ${number === 1 ? one : several}`;
}
