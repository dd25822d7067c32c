// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system has it; and the address of what is shown.

const THEMES = ["system", "light", "dark"];
const KEPT = "xsavvy-theme";

// A page opened from a file may have no storage; then the choice lasts as long as the page.
function keptTheme() {
  try {
    return THEMES.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "system";
  } catch {
    return "system";
  }
}

function keepTheme(theme) {
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

function showTheme(button, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
}

/** Make a button switch the theme, from the one that was chosen last. */
export function switchTheme(button) {
  let theme = keptTheme();
  showTheme(button, theme);
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    showTheme(button, theme);
    keepTheme(theme);
  });
}

/** Make a button copy the page's address; the button tells for a moment that it did. */
export function copyAddress(button, say) {
  const title = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = title; }, 1500);
      say("Link copied.");
    } catch {
      say(`The browser does not let pages copy. The link is in the address bar: ${location.href}`);
    }
  });
}
