import test from 'ava';
import type { PageSource } from '../../../src/cli/top/page-source.js';
import type { Line, Size } from '../../../src/cli/top/screen.js';
import { TopSession } from '../../../src/cli/top/session.js';
import type { Screen } from '../../../src/cli/top/terminal.js';
import { CtflowError } from '../../../src/common/errors.js';
import type { TopPage } from '../../../src/daemon/top/page.js';
import type { TopQuery } from '../../../src/daemon/top/query.js';
import { eventually } from '../../helpers/eventually.js';
import { STATE } from '../../helpers/rigs/top-state.js';

const HOUR = 3_600_000;

class FakeScreen implements Screen {
  size: Size = { width: 80, height: 24 };
  shown = '';
  press: (key: string) => void = () => {};
  resize: () => void = () => {};

  draw(lines: readonly Line[]): void {
    this.shown = lines.map(line => line.map(({ text }) => text).join('')).join('\n');
  }

  onKey(listener: (key: string) => void): void {
    this.press = listener;
  }

  onResize(listener: () => void): void {
    this.resize = listener;
  }

  suspend(): void {}
  close(): void {}
}

class FakePages implements PageSource {
  readonly origin = 'a fake';
  readonly queries: TopQuery[] = [];
  failure: Error | undefined;
  gate: Promise<unknown> = Promise.resolve();

  async page(query: TopQuery): Promise<TopPage> {
    this.queries.push(query);
    await this.gate;
    if (this.failure) throw this.failure;
    return { connections: this.queries.length, matching: this.queries.length, counted: 0, polls: 1, lines: [] };
  }

  async close(): Promise<void> {}
}

function rig(interval = HOUR): { screen: FakeScreen; pages: FakePages; session: TopSession } {
  const screen = new FakeScreen();
  const pages = new FakePages();
  return { screen, pages, session: new TopSession(pages, screen, STATE, interval) };
}

test('a key asks for another page at once, and several while one is made ask once', async t => {
  const { screen, pages, session } = rig();
  t.true(screen.shown.includes('waiting for the first answer'));
  let open!: () => void;
  pages.gate = new Promise<void>(resolve => (open = resolve));
  await eventually('the first page', () => screen.shown.includes('1 connections'));
  screen.press('p');
  screen.press('r');
  screen.press('r');
  t.true(screen.shown.includes('sort rate (reversed)'), 'what was pressed is seen before the answer');
  open();
  await eventually('the last page', () => screen.shown.includes('3 connections'));
  t.deepEqual(
    pages.queries.map(({ sort, reverse }) => `${sort} ${reverse}`),
    ['bytes false', 'packets false', 'rate true'],
  );
  screen.press('q');
  await session.ended;
});

test('pages are asked for again and again, not while paused, and a resized screen asks for its rows', async t => {
  const { screen, pages, session } = rig(1);
  await eventually('pages', () => pages.queries.length > 3);
  screen.press(' ');
  await eventually('paused', () => screen.shown.includes('paused'));
  await eventually('the page of that key', async () => {
    const before = pages.queries.length;
    await new Promise(resolve => setTimeout(resolve, 20));
    return pages.queries.length === before;
  });
  screen.size = { width: 200, height: 50 };
  screen.resize();
  await eventually('its rows', () => pages.queries.at(-1)!.rows === 44);
  t.is(pages.queries.at(-1)!.deniedRows, 0);
  session.close();
});

test('a source that fails is said, the last page stays, and it is asked again', async t => {
  const { screen, pages, session } = rig(1);
  await eventually('a page', () => /\d connections/.test(screen.shown));
  pages.failure = new CtflowError('CTFLOW_CONTROL', 'No ctflow run answers', 'Start it');
  await eventually('trouble', () => screen.shown.includes('CTFLOW_CONTROL: No ctflow run answers. Start it'));
  t.regex(screen.shown, /\d connections/);
  pages.failure = undefined;
  await eventually('no trouble', () => !screen.shown.includes('CTFLOW_CONTROL'));
  session.close();
});

test('a wrong filter is said with its column, and stays to be corrected', async t => {
  const { screen, pages, session } = rig();
  await eventually('a page', () => screen.shown.includes('1 connections'));
  for (const key of ['/', ...'bytes > x', 'ENTER']) screen.press(key);
  t.regex(screen.shown, /column 9: /);
  t.true(screen.shown.includes('filter (Enter, Esc): bytes > x'));
  for (const key of ['BACKSPACE', '1', 'ENTER']) screen.press(key);
  await eventually('the page', () => pages.queries.at(-1)!.filter === 'bytes > 1');
  t.false(screen.shown.includes('column'));
  session.close();
});
