const pattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/**
 * A time as Go writes it again after reading it: nanoseconds without trailing zeros; the zero time for none. Undefined
 * when it is no time.
 */
export function goTime(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return '0001-01-01T00:00:00Z';
  const [, seconds, fraction = '', zone] = pattern.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  const digits = fraction.slice(0, 9).replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}${/^[+-]00:00$/.test(zone) ? 'Z' : zone}`;
}
