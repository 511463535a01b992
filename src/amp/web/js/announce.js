// What a screen reader says by itself: little, and nothing that scrolls by.

const announcer = document.getElementById("announcer");

/** Say it once, when the reader is done with what it says now. */
export function announce(words) {
  announcer.textContent = "";
  // A region that is filled with the same words again says nothing; an empty moment between makes it new.
  requestAnimationFrame(() => {
    announcer.textContent = words;
  });
}
