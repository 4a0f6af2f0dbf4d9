/**
 * What ctflow itself needs of npm's packages, optional ones too, by the lock file.
 * @param packages of package-lock.json @returns their folders
 */
export function runtimePackages(packages) {
  // devOptional: what development wants as well as an optional package
  return Object.entries(packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && !dev && !link)
    .map(([path]) => path);
}
