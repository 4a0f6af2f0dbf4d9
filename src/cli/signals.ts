/** Waits for SIGINT or SIGTERM; a second one ends the process as it would without ctflow. */
export function stopSignal(): { stopped: Promise<void>; release(): void } {
  let resolve!: () => void;
  const stopped = new Promise<void>(done => (resolve = done));
  const release = (): void => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
  const stop = (): void => {
    release();
    resolve();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return { stopped, release };
}
