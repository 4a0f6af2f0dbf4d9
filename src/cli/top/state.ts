import { GROUPINGS, MOST_ROWS, type Grouping, type Sort, type TopQuery } from '../../daemon/top/query.js';

/** What a screen of connections is to show. */
export interface TopState {
  readonly sort: Sort;
  readonly reverse: boolean;
  readonly group: Grouping;
  /** The expression that holds; empty for all connections. */
  readonly filter: string;
  /** Rows above the first one shown. */
  readonly skip: number;
  /** Denied packets have their pane. */
  readonly denied: boolean;
  /** Nothing is asked until the next key. */
  readonly paused: boolean;
  /** The expression that is being written; undefined where none is. */
  readonly editing?: string | undefined;
}

/** What a key asks for. */
export type Pressed = TopState | 'quit' | 'suspend';

const SORT_KEYS: Readonly<Record<string, Sort>> = { b: 'bytes', p: 'packets', r: 'rate', a: 'age', s: 'state' };
const LONGEST_FILTER = 4_096;

/** @param key a character, or a name as terminal-kit has it; @param page rows that the screen has */
export function press(state: TopState, key: string, page: number): Pressed {
  if (key === 'CTRL_C') return 'quit';
  if (key === 'CTRL_Z') return 'suspend';
  if (state.editing !== undefined) return edit(state, state.editing, key);
  const sort = Object.hasOwn(SORT_KEYS, key) ? SORT_KEYS[key] : undefined;
  if (sort !== undefined) {
    // the same key again turns the order round
    return { ...state, sort, reverse: sort === state.sort && !state.reverse, skip: 0 };
  }
  const scroll = (rows: number): TopState => ({
    ...state,
    skip: Math.min(Math.max(state.skip + rows, 0), Math.max(MOST_ROWS - page, 0)),
  });
  switch (key) {
    case 'q':
      return 'quit';
    case 'g':
      return { ...state, group: GROUPINGS[(GROUPINGS.indexOf(state.group) + 1) % GROUPINGS.length], skip: 0 };
    case 'd':
      return { ...state, denied: !state.denied };
    case '/':
    case 'f':
      return { ...state, editing: state.filter };
    case ' ':
      return { ...state, paused: !state.paused };
    case 'UP':
      return scroll(-1);
    case 'DOWN':
      return scroll(1);
    case 'PAGE_UP':
      return scroll(-page);
    case 'PAGE_DOWN':
      return scroll(page);
    case 'HOME':
      return { ...state, skip: 0 };
    default:
      return state;
  }
}

function edit(state: TopState, text: string, key: string): TopState {
  switch (key) {
    case 'ENTER':
    case 'KP_ENTER':
      return { ...state, editing: undefined, filter: text.trim(), skip: 0 };
    case 'ESCAPE':
      return { ...state, editing: undefined };
    case 'BACKSPACE':
      return { ...state, editing: text.slice(0, -1) };
    case 'CTRL_U':
      return { ...state, editing: '' };
    default:
      // other names are of keys that write nothing
      return Array.from(key).length === 1 && text.length < LONGEST_FILTER ? { ...state, editing: text + key } : state;
  }
}

/** @param rows of connections, and of denied packets, that the screen has */
export function queryOf({ sort, reverse, group, filter, skip }: TopState, rows: number, deniedRows: number): TopQuery {
  const shown = Math.min(rows, MOST_ROWS);
  return { sort, reverse, group, filter, skip: Math.min(skip, MOST_ROWS - shown), rows: shown, deniedRows };
}
