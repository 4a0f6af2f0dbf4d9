import { TWO_32 } from '../../common/unsigned.js';

/** Digits behind the second: dateTimeSeconds 0, Milliseconds 3, Microseconds 6, Nanoseconds 9. */
export type Precision = 0 | 3 | 6 | 9;

const NTP_TO_UNIX = 2_208_988_800; // seconds from 1900 to 1970
const NTP_ERA = TWO_32;
const DATE_LIMIT = 8_640_000_000_000_000; // ECMA-262: the last millisecond of a Date

/** A point in time with the precision of its type, exact to the nanosecond. */
export class DateTime {
  /** Whole seconds since 1970. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
  readonly precision: Precision;

  constructor(seconds: number, nanoseconds: number, precision: Precision) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
    this.precision = precision;
  }

  /** From milliseconds since 1970; undefined past what a Date can hold (the year 275760). */
  static fromMilliseconds(milliseconds: number): DateTime | undefined {
    if (milliseconds > DATE_LIMIT) return undefined;
    const seconds = Math.floor(milliseconds / 1000);
    return new DateTime(seconds, (milliseconds - seconds * 1000) * 1_000_000, 3);
  }

  /**
   * From an NTP timestamp, RFC 7011 section 6.1.9 and 6.1.10. The era is the one that begins in 2036 where the top bit is
   * not set (RFC 7011 section 5.2 leaves it to the collector; nobody counted flows before 1968). The fraction is rounded,
   * because exporters cut it off. Undefined for zero, which NTP keeps for an unknown time.
   */
  static fromNtp(seconds: number, fraction: number, precision: 6 | 9): DateTime | undefined {
    if (seconds === 0 && fraction === 0) return undefined;
    const unix = seconds - NTP_TO_UNIX + (seconds < 0x80000000 ? NTP_ERA : 0);
    const units = precision === 6 ? 1_000_000 : 1_000_000_000;
    const whole = Math.round((fraction / NTP_ERA) * units);
    if (whole === units) return new DateTime(unix + 1, 0, precision);
    return new DateTime(unix, whole * (1_000_000_000 / units), precision);
  }

  /** Milliseconds since 1970, with a fraction where the precision is finer. */
  get milliseconds(): number {
    return this.seconds * 1000 + this.nanoseconds / 1_000_000;
  }

  /** ISO 8601 in UTC, as many digits behind the second as the type has. */
  toString(): string {
    const whole = new Date(this.seconds * 1000).toISOString().slice(0, -5);
    if (this.precision === 0) return `${whole}Z`;
    return `${whole}.${String(this.nanoseconds).padStart(9, '0').slice(0, this.precision)}Z`;
  }

  toJSON(): string {
    return this.toString();
  }
}
