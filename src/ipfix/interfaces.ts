/** Numbers (ifIndex) of the interfaces of every flow. */
export interface FixedInterfaces {
  readonly ingress: number;
  readonly egress: number;
}

/** ingressInterface and egressInterface (IE 10 and 14): in no record, or the same in all. */
export type Interfaces = 'none' | FixedInterfaces;

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
