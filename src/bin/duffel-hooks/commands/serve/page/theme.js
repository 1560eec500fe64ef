// Applies the colours that the reader chose, before anything is painted. A classic script, because modules run later.
(() => {
    try {
        const theme = localStorage.getItem("theme");
        if (theme) document.documentElement.dataset.theme = theme;
    } catch {
        // Without storage, the colours are those of the system.
    }
})();
