/** The contrast ratio of WCAG 2 (section 1.4.3) between two colours such as #12171d or #fff. */
export function contrast(a: string, b: string): number {
  const [lighter, darker] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour: string): number {
  const digits = colour.slice(1);
  const whole = digits.length === 3 ? [...digits].map(digit => digit + digit).join('') : digits;
  const [red, green, blue] = [0, 2, 4].map(at => {
    const part = Number.parseInt(whole.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
