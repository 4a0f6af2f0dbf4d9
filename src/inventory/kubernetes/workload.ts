import type { V1ObjectMeta } from '@kubernetes/client-node';

/** The Deployment controller gives it to the pods of a ReplicaSet, and ends the name of the ReplicaSet with it. */
const TEMPLATE_HASH = 'pod-template-hash';

/**
 * What a pod belongs to, by its own metadata alone: its controller as `kind/name`, or the Deployment in front of a ReplicaSet.
 * @returns empty where it has no controller
 */
export function workloadOf({ ownerReferences, labels }: V1ObjectMeta): string {
  const controller = ownerReferences?.find(({ controller }) => controller === true);
  if (!controller) return '';
  const { apiVersion, kind, name } = controller;
  const end = `-${labels?.[TEMPLATE_HASH] ?? ''}`;
  const isOfDeployment = kind === 'ReplicaSet' && apiVersion.startsWith('apps/') && end !== '-';
  if (isOfDeployment && name.endsWith(end) && name !== end) return `deployment/${name.slice(0, -end.length)}`;
  return `${kind.toLowerCase()}/${name}`;
}
