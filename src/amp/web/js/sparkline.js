// A small chart of what happened lately: an area and its line, in the colour of the text around it.

import { svg } from "./dom.js";

const WIDTH = 160;
const HEIGHT = 36;
/** Fewer values than this fill a part of the width only. */
const LEAST_PLACES = 30;

/** A chart that `draw` fills. It shows only what is said beside it in words, so screen readers pass it over. */
export class Sparkline {
  constructor() {
    this.area = svg("path", { class: "spark-area" });
    this.line = svg("path", { class: "spark-line" });
    const facts = {
      class: "spark",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    };
    this.element = svg("svg", facts, this.area, this.line);
  }

  /**
   * @param {number[]} values the newest last
   */
  draw(values) {
    const places = Math.max(LEAST_PLACES, values.length);
    const most = Math.max(1, ...values);
    const step = WIDTH / (places - 1);
    const first = places - values.length;
    const points = values.map((value, index) => {
      const x = (first + index) * step;
      const y = HEIGHT - 2 - (value / most) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    const line = points.length ? `M${points.join("L")}` : "";
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", line && `${line}V${HEIGHT}H${(first * step).toFixed(1)}Z`);
  }
}
