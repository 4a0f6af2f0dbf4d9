/** Numbers (ifIndex) of the interfaces of every flow. */
export interface FixedInterfaces {
  readonly ingress: number;
  readonly egress: number;
}

/**
 * ingressInterface and egressInterface (IE 10 and 14): in no record, by a look-up of routes where that says one, or the same in
 * all.
 */
export type Interfaces = 'none' | 'route' | FixedInterfaces;

/** The mark by which routes are looked up: none, or that of the connection. */
export const ROUTE_MARKS = ['none', 'ctmark'] as const;
export type RouteMark = (typeof ROUTE_MARKS)[number];

/** An interface of the host. */
export interface InterfaceName {
  /** ifIndex. */
  readonly index: number;
  readonly name: string;
  /** Its alias (ifAlias), or its name where it has none. */
  readonly description: string;
}

/** The names of interfaces, as they are now. */
export interface InterfaceNames {
  /** It changes when they do. */
  readonly version: number;
  readonly list: readonly InterfaceName[];
}
