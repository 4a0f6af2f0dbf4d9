/** One of several things that end together. */
export interface Part {
  /** Takes what is still on its way. */
  drain?(): Promise<void>;
  /** @param drained false where that was not asked for, or has failed */
  close(drained: boolean): void | Promise<void>;
}

/**
 * Closes parts, the last first, each whatever became of the others.
 * @param drain each takes what is still on its way before it is closed
 * @returns what failed
 */
export async function closeParts(parts: readonly Part[], drain: boolean): Promise<unknown[]> {
  const errors: unknown[] = [];
  const attempt = async (step: () => unknown): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      errors.push(error);
      return false;
    }
  };
  for (const part of parts.toReversed()) {
    const drained = drain && (await attempt(() => part.drain?.()));
    await attempt(() => part.close(drained));
  }
  return errors;
}
