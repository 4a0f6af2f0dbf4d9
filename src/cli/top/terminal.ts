import type { ScreenBuffer, Terminal } from 'terminal-kit';
import type { Line, Size, Style } from './screen.js';
import { closeTerminal, openTerminal, type TerminalOutput } from './terminal-output.js';

/** What is drawn on, and where keys come from. */
export interface Screen {
  readonly size: Size;
  draw(lines: readonly Line[]): void;
  /** @param key a character, or a name as terminal-kit has it */
  onKey(listener: (key: string) => void): void;
  onResize(listener: () => void): void;
  /** Stops this process as a shell does, and goes on when it is continued. */
  suspend(): void;
  close(): void;
}

const ATTRIBUTES: Readonly<Record<Style, ScreenBuffer.Attributes>> = {
  plain: {},
  title: { bold: true },
  head: { inverse: true },
  faint: { dim: true },
  warning: { bold: true, color: 'yellow' },
  key: { bold: true, inverse: true },
};
const DEFAULT_COLORS = { defaultColor: true, bgDefaultColor: true };
/** Not what terminal-kit clears with: that is transparent, and leaves what was there. */
const BLANK = { attr: DEFAULT_COLORS, char: ' ' };

/** What terminal-kit makes of the environment. */
interface Guess {
  readonly generic?: string;
  readonly appId?: string;
  readonly safe: boolean;
  readonly isSSH: boolean;
}

/** The terminal of this process. Its other screen is used, and what was on it before is there again at the end, also after a crash. */
export class TerminalScreen implements Screen {
  readonly #terminal: Terminal;
  readonly #output: TerminalOutput;
  readonly #makeBuffer: () => ScreenBuffer;
  #buffer: ScreenBuffer;
  #open = false;
  #resized: () => void = () => {};
  readonly #restore = (): void => this.close();
  readonly #continued = (): void => {
    this.#enter();
    this.#resized();
  };

  private constructor(terminal: Terminal, output: TerminalOutput, makeBuffer: () => ScreenBuffer) {
    this.#terminal = terminal;
    this.#output = output;
    this.#makeBuffer = makeBuffer;
    terminal.on('resize', () => {
      if (!this.#open) return;
      terminal.clear();
      this.#buffer = this.#makeBuffer();
      this.#resized();
    });
    this.#buffer = makeBuffer();
    this.#enter();
    process.on('exit', this.#restore);
    // before what is wrong is written: the other screen would take it along
    process.prependListener('uncaughtException', this.#restore);
    process.on('SIGCONT', this.#continued);
  }

  static async open(): Promise<TerminalScreen> {
    // loaded where it is used: no other command waits for it
    const { default: kit } = await import('terminal-kit');
    // its types leave this out
    const { guessTerminal } = kit as unknown as { guessTerminal(): Guess };
    const { generic = 'xterm', appId = generic, safe, isSSH } = guessTerminal();
    const output = openTerminal();
    const terminal = kit.createTerminal({
      stdin: process.stdin,
      stdout: output,
      generic,
      // empty: only the family is known
      appId: safe ? appId : '',
      appName: appId,
      isTTY: true,
      isSSH,
    });
    return new TerminalScreen(terminal, output, () => new kit.ScreenBuffer({ dst: terminal, noFill: true }));
  }

  get size(): Size {
    return { width: this.#terminal.width, height: this.#terminal.height };
  }

  draw(lines: readonly Line[]): void {
    // what it has not taken yet would be old before it is seen: the next screen has all that differs
    if (!this.#open || this.#output.writableLength > 0) return;
    const buffer = this.#buffer;
    // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- it is no array
    buffer.fill(BLANK);
    for (const [y, line] of lines.entries()) {
      let x = 0;
      for (const { text, style } of line) {
        const attr = { ...DEFAULT_COLORS, ...ATTRIBUTES[style] };
        if (style === 'warning') attr.defaultColor = false;
        buffer.put({ x, y, attr, wrap: false, dx: 1, dy: 0 }, text);
        x += text.length;
      }
    }
    buffer.draw({ delta: true });
  }

  onKey(listener: (key: string) => void): void {
    this.#terminal.on('key', listener);
  }

  onResize(listener: () => void): void {
    this.#resized = listener;
  }

  suspend(): void {
    this.#leave();
    process.kill(process.pid, 'SIGTSTP');
  }

  close(): void {
    process.off('exit', this.#restore);
    process.off('uncaughtException', this.#restore);
    process.off('SIGCONT', this.#continued);
    this.#leave();
    // terminal-kit would do at the end what is done already
    Object.assign(this.#terminal, { shutdown: true });
    closeTerminal(this.#output);
  }

  #enter(): void {
    if (this.#open) return;
    this.#open = true;
    this.#terminal.fullscreen(true);
    this.#terminal.hideCursor();
    this.#terminal.grabInput(true);
    this.#buffer = this.#makeBuffer();
  }

  #leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#terminal.grabInput(false);
    this.#terminal.styleReset();
    this.#terminal.hideCursor(false);
    this.#terminal.fullscreen(false);
  }
}
