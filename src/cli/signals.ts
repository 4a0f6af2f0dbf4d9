/** What signals mean to a command; bin/ctflow.js sees to it that the others do nothing. */
export interface SignalHandlers {
  /** SIGHUP. Where it is absent, a hang-up stops the command. */
  reload?(): void;
  /** SIGUSR1: say how things stand. */
  report(): void;
  /** SIGUSR2: have a recording written. */
  record?(): void;
  /** A second SIGINT or SIGTERM came, and the process ends at once: the last line. */
  cutShort(signal: NodeJS.Signals): void;
}

export interface Signals {
  /** Resolves at the first SIGINT or SIGTERM. */
  readonly stopped: Promise<void>;
  /** That signal has come. */
  readonly received: boolean;
}

/** Listens to signals for the rest of the process's life. */
export function handleSignals({ reload, report, record, cutShort }: SignalHandlers): Signals {
  let resolve!: () => void;
  let received = false;
  const stopped = new Promise<void>(done => (resolve = done));
  const stop = (signal: NodeJS.Signals): void => {
    if (received) {
      cutShort(signal);
      for (const [name, listener] of listeners) process.off(name, listener);
      process.kill(process.pid, signal); // whoever waits for the process sees why it ended
    }
    received = true;
    resolve();
  };
  const listeners: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] = [
    ['SIGINT', stop],
    ['SIGTERM', stop],
    ['SIGQUIT', stop],
    ['SIGHUP', reload ?? stop],
    ['SIGUSR1', report],
  ];
  if (record) listeners.push(['SIGUSR2', record]);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return {
    stopped,
    get received() {
      return received;
    },
  };
}
