import * as Plot from '@observablehq/plot';
import { DOMParser } from 'linkedom';

/** A picture with what it shows. The width suits a telephone; more of them stand side by side on a wider screen. */
export interface Chart {
  readonly title: string;
  readonly note: string;
  readonly svg: string;
}

/** A row of a chart whose labels stand above their marks. */
export interface Line {
  /** Its place on the axis. */
  readonly line: string;
  readonly text: string;
}

export const SIDES = ['base', 'head'] as const;
/** Colours are the page's variables, so that they follow light and dark. */
export const SIDE_COLOURS = { domain: [...SIDES], range: ['var(--base)', 'var(--head)'] };
/** Where in its line the first and the second of two marks stand, below the label. */
export const UPPER = { insetTop: 20, insetBottom: 12 };
export const LOWER = { insetTop: 32, insetBottom: 0 };

const WIDTH = 336;
const LINE_HEIGHT = 46;
const AXIS_HEIGHT = 50;
/** As many of the usual characters as there is room for. */
const MOST_CHARACTERS = 56;
const FONT = { fontSize: '11px' };
const { document } = new DOMParser().parseFromString('<!doctype html><html></html>', 'text/html').defaultView;

/** The picture as SVG in text. */
export function plot(options: Plot.PlotOptions): string {
  const drawn = Plot.plot({ document: document as never, width: WIDTH, marginRight: 16, style: FONT, ...options });
  return drawn.outerHTML;
}

/** A picture of lines, each with its label above its marks. */
export function plotLines(lines: readonly Line[], options: Plot.PlotOptions): string {
  const label = Plot.text(lines, {
    y: 'line',
    text: ({ text }: Line) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text),
    title: 'text',
    frameAnchor: 'left',
    textAnchor: 'start',
    dy: 12 - LINE_HEIGHT / 2,
    fill: 'currentColor',
    stroke: 'var(--paper)',
    strokeWidth: 3,
  });
  return plot({
    height: lines.length * LINE_HEIGHT + AXIS_HEIGHT,
    marginLeft: 8,
    ...options,
    y: { axis: null, type: 'band', padding: 0.05, domain: lines.map(({ line }) => line) },
    marks: [...(options.marks ?? []), label],
  });
}

/** From the least to the greatest of them, with some room. */
export function around(values: readonly number[]): [number, number] {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const room = (most - least || Math.abs(most) || 1) * 0.05;
  return [least - room, most + room];
}
