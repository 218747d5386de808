/**
 * Milliseconds to wait, from `Retry-After` as seconds or as an HTTP date; undefined for anything else. Never negative,
 * and never more than a day.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  // Decimals are against the rules, and clear all the same.
  const waitMs = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : parseHTTPDate(text) - now;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(Math.ceil(waitMs), 0), 86_400_000);
}

const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const wholeDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const time = String.raw`\d\d:\d\d:\d\d`;
/** @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const datesInGMT: RegExp = new RegExp(
  String.raw`^(?:${day}, \d\d ${month} \d{4} ${time} GMT|${wholeDay}, \d\d-${month}-\d\d ${time} GMT)$`,
);
const dateOfC: RegExp = new RegExp(String.raw`^${day} ${month} [ \d]\d ${time} \d{4}$`);

/** In one of the three forms that HTTP has, else NaN: `Date.parse` by itself makes a date of `-5`, and of `10, 20`. */
function parseHTTPDate(text: string): number {
  if (datesInGMT.test(text)) return Date.parse(text);
  return dateOfC.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
