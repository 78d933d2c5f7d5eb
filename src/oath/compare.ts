/**
 * Compares two texts of equal length without stopping at the first difference, so that the time
 * taken does not tell how many characters of a guess were right. Lengths are no secret: texts of
 * different length are unequal at once. JavaScript promises no constant time; this removes only
 * the early exit.
 */
export function constantTimeEqualText(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index += 1) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}
