/** Samples of the text that Prometheus reads, by name and labels as they stand there: `a_total{b="c"}`. */
export function samplesOf(text: string): Map<string, number> {
  const samples = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** Names of metrics, by what stands in `# TYPE`. */
export function typesOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
}
