import { CtflowError } from '../../common/errors.js';
import { isOfKernel } from '../../sources/source.js';
import type { Check, Subject } from './checks.js';
import { error, type Finding } from './finding.js';

/** A finding, of whose check. */
export interface Examined extends Finding {
  readonly check: string;
  /** --fix has mended it. */
  readonly fixed: boolean;
  /** Of several network namespaces. */
  readonly netns?: string;
}

/**
 * Makes all checks, one after another.
 * @param fix announces a change before it is made; undefined where nothing is changed
 * @param begins hears the name of each check before it is made
 */
export async function examine(
  checks: readonly Check[],
  subject: Subject,
  fix: ((says: string) => void) | undefined,
  begins: (check: string) => void = () => {},
): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (const check of checks) {
    if (!concerns(check, subject)) continue;
    begins(check.name);
    let findings = await run(check, subject);
    const fixed = new Set<string | undefined>();
    const failed = new Map<string | undefined, string>();
    for (const { subject: of, fix: mend } of fix ? findings : []) {
      if (!mend) continue;
      fix!(mend.says);
      try {
        await mend.apply();
        fixed.add(of);
      } catch (failure) {
        failed.set(of, (failure as Error).message);
      }
    }
    if (fixed.size > 0) findings = await run(check, subject);
    for (const finding of findings) {
      const why = failed.get(finding.subject);
      const found = why === undefined ? finding.found : `${finding.found}; --fix could not mend it: ${why}`;
      examined.push({
        ...finding,
        found,
        check: check.name,
        fixed: fixed.has(finding.subject) && finding.status === 'ok',
      });
    }
  }
  return examined;
}

/**
 * The same of several network namespaces: what is not about one is checked once.
 * @param subjects by what people call them
 */
export async function examineEach(
  checks: readonly Check[],
  subjects: readonly (readonly [name: string, subject: Subject])[],
  fix: ((says: string) => void) | undefined,
  begins: (check: string) => void = () => {},
): Promise<Examined[]> {
  const [first] = subjects;
  if (!first) {
    const found = error('none of these network namespaces is there', 'ip netns list');
    return [{ ...found, check: 'conntrack', fixed: false }];
  }
  const ofAll = checks.filter(({ of }) => of !== 'kernel');
  const examined = await examine(ofAll, first[1], fix, begins);
  const ofEach = checks.filter(({ of }) => of === 'kernel');
  for (const [name, subject] of subjects) {
    const says = fix && ((what: string): void => fix(`${name}: ${what}`));
    const found = await examine(ofEach, subject, says, check => begins(`${check} of ${name}`));
    examined.push(...found.map(one => ({ ...one, netns: name, found: `${name}: ${one.found}` })));
  }
  return examined;
}

/** A check that cannot look says so: the others go on. */
async function run(check: Check, subject: Subject): Promise<readonly Finding[]> {
  try {
    return [await check.run(subject)].flat();
  } catch (failure) {
    const why = failure instanceof CtflowError ? `${failure.message}. ${failure.hint}` : (failure as Error).message;
    return [error(`this could not be checked: ${why}`, 'sudo ctflow doctor')];
  }
}

function concerns({ of }: Check, subject: Subject): boolean {
  if (of === 'kernel') return isOfKernel(subject);
  return of === 'all' || subject.kind === of;
}
