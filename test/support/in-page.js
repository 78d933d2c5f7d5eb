/**
 * Runs in every page that a test visits, before the page's own code. A violation of the content
 * security policy becomes an error of the console; `faintTexts` measures contrasts.
 */
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  console.error(`policy violated: ${violatedDirective} ${blockedURI}`);
});

const parseColor = (text) => {
  const [red = 0, green = 0, blue = 0, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return { rgb: [red, green, blue], alpha };
};

const over = (top, bottom) => ({
  rgb: top.rgb.map((value, index) => value * top.alpha + bottom.rgb[index] * (1 - top.alpha)),
  alpha: 1,
});

const luminance = ({ rgb }) => {
  const [red, green, blue] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const ratio = (one, other) => {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
};

/** What may be behind an element: its own colour, all colours of its gradient, or its parent's. */
const backgroundsOf = (element) => {
  if (element === null) return [parseColor('rgb(255, 255, 255)')];
  const { backgroundColor, backgroundImage } = getComputedStyle(element);
  const stops = backgroundImage.match(/rgba?\([^)]*\)/g) ?? [];
  const own = (stops.length > 0 ? stops : [backgroundColor]).map(parseColor);
  if (own.every(({ alpha }) => alpha === 1)) return own;
  const behind = backgroundsOf(element.parentElement);
  return own.flatMap((color) => behind.map((back) => over(color, back)));
};

/** Every text that is seen whose contrast (WCAG 2.2, 1.4.3) is below the least, with the contrast. */
globalThis.faintTexts = (least) => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent.trim();
    if (text === '' || element === null || element.closest('.spoken, noscript') !== null) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const color = parseColor(getComputedStyle(element).color);
    const contrasts = backgroundsOf(element).map((back) => ratio(over(color, back), back));
    const worst = Math.min(...contrasts);
    if (worst < least) found.push(`${text}: ${worst.toFixed(2)}`);
  }
  return found;
};

/** What has more in it than one sees. */
globalThis.cutOff = (selector) =>
  [...document.querySelectorAll(selector)]
    .filter((element) => element.checkVisibility())
    .filter(
      ({ scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
        scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 1,
    )
    .map((element) => `${element.className}: ${element.textContent}`);

/** The names of the lit parts of each cell of a drawing, in the order of the document. */
globalThis.litParts = (selector) =>
  [...document.querySelectorAll(selector)].map((cell) =>
    [...cell.querySelectorAll('.lit')].map(({ dataset }) => dataset.segment).join(''),
  );

/** Which element has the focus, by its label, and whether one sees that. */
globalThis.focused = () => {
  const { activeElement: element } = document;
  const { outlineStyle } = getComputedStyle(element);
  return { label: element.getAttribute('aria-label') ?? element.textContent, outlineStyle };
};
