import type { Masked } from '../row/filter.js';

/** A policy that has let a connection pass, or has denied it. */
export interface Policy {
  /** As Antrea numbers them: allow, drop, reject. */
  readonly action: 1 | 2 | 3;
  readonly direction: 'ingress' | 'egress';
  readonly namespace: string;
  readonly name: string;
  readonly rule: string;
}

/** Of connections whose mark has this value under this mask. */
export interface MarkPolicy extends Policy {
  readonly mark: Masked;
}

/** Of connections whose labels do: 16 bytes as the kernel sends them. */
export interface LabelPolicy extends Policy {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** The first that a connection matches is its own: those of labels, then those of marks. */
export interface PolicyOptions {
  readonly labels?: readonly LabelPolicy[] | undefined;
  readonly marks?: readonly MarkPolicy[] | undefined;
}

/** Policies of one kind at most. */
export const MOST_POLICIES = 4_096;
