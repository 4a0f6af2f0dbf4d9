import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The program in a checkout. */
const PROGRAM = 'target/release/ctflow-bench';
/** Operations of the two runs whose difference counts: numbers of as many digits, so that reading them costs the same. */
const FEW = 10;
const MORE = 20;
/** The stack begins with the environment, so it is the same everywhere. */
const ENVIRONMENT = { PATH: process.env['PATH'], LC_ALL: 'C' };
/** No flag of this machine or of its user reaches the compiler; cargo takes these before all others. */
export const NO_FLAGS = { CARGO_ENCODED_RUSTFLAGS: '' };

/** Instructions of one operation, and how many rows that handles. */
export interface InstructionCount {
  readonly instructions: number;
  readonly rows: number;
}

/** The version of valgrind; undefined where it is not installed. */
export function valgrindVersion(): string | undefined {
  const { status, stdout } = spawnSync('valgrind', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The subjects that the program of a checkout knows; none where it is older than them. */
export function subjectsOf(root: string): string[] {
  const { status, stdout } = spawnSync(join(root, PROGRAM), ['instructions'], { encoding: 'utf8', env: ENVIRONMENT });
  return status === 0 ? (JSON.parse(stdout) as string[]) : [];
}

/**
 * Counts the instructions of user space that an operation takes: those of so many operations less those of fewer. What comes
 * before and after is the same in both, and falls out.
 * @throws where the program fails, or does not take the same again and again
 */
export function countInstructions(root: string, subject: string): InstructionCount {
  const [few, more] = [FEW, MORE].map(times => run(join(root, PROGRAM), subject, times));
  return { rows: few.rows, instructions: (more.collected - few.collected) / (MORE - FEW) };
}

function run(program: string, subject: string, times: number): { collected: number; rows: number } {
  const callgrind = ['--tool=callgrind', '--callgrind-out-file=/dev/null'];
  const { status, stdout, stderr, error } = spawnSync(
    'valgrind',
    [...callgrind, program, 'instructions', subject, String(times)],
    { encoding: 'utf8', env: ENVIRONMENT },
  );
  const collected = /^==\d+== Collected : (\d+)$/m.exec(stderr)?.[1];
  if (status !== 0 || collected === undefined) {
    throw new Error(`${subject} under callgrind has failed: ${error?.message ?? stderr}`);
  }
  return { collected: Number(collected), rows: (JSON.parse(stdout) as { rows: number }).rows };
}
