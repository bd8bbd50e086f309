// Light or dark: the system's choice, until the button says otherwise; the browser remembers it.

const THEMES = ['system', 'light', 'dark'];

/** Reads the stored choice. Storage may be forbidden; then the system's counts at each visit. */
function stored() {
    try {
        const theme = localStorage.getItem('theme');
        return THEMES.includes(theme) ? theme : 'system';
    } catch {
        return 'system';
    }
}

function store(theme) {
    try {
        localStorage.setItem('theme', theme);
    } catch { /* forbidden: this visit only */ }
}

/** Makes the button go round the themes. `changed` is called where colours are painted by hand. */
export function themes(button, changed) {
    const show = (theme) => {
        if (theme === 'system')
            delete document.documentElement.dataset.theme;
        else
            document.documentElement.dataset.theme = theme;
        button.textContent = `Theme: ${theme}`;
        changed();
    };
    let theme = stored();
    show(theme);
    button.addEventListener('click', () => {
        theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
        store(theme);
        show(theme);
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
}
