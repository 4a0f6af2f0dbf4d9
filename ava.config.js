/** These take longest: they begin first, so that nobody waits for them alone at the end. */
const LONGEST = [/\/completeness\//, /\/bench\/memory\//, /\/integration\//];

function place(file) {
  const place = LONGEST.findIndex(pattern => pattern.test(file));
  return place < 0 ? LONGEST.length : place;
}

export default {
  files: ['build/test/**/*.test.js'],
  workerThreads: false,
  timeout: '10m',
  sortTestFiles: (a, b) => place(a) - place(b) || (a < b ? -1 : 1),
};
