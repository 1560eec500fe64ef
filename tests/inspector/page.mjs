// What the cases see on the page.

/** The texts of the visible rows, newest first. */
export const rows = (page) =>
    page.locator("#list .row:visible").evaluateAll((rows) =>
        rows
            .sort((one, other) => one.ariaPosInSet - other.ariaPosInSet)
            .map((row) =>
                [...row.children]
                    .map((part) => part.textContent)
                    .filter(Boolean)
                    .join(" | "),
            ),
    );

export const row = (page, number) => page.locator(`#row-${number}`);

/** Opens the details of a delivery, and returns their text. */
export async function open(page, number) {
    await row(page, number).click();
    return details(page, number);
}

/** Waits for the details of a delivery, and returns their text. */
export async function details(page, number) {
    await page.locator(`#detail .delivery[data-number="${number}"]`).waitFor();
    return page.locator("#detail").innerText();
}

export async function tab(page, name) {
    await page.getByRole("tab", { name }).click();
    return page.getByRole("tabpanel").innerText();
}

/** Presses a button that sends something, and waits for the details of the delivery that it became. */
export async function sendBy(page, name, number) {
    await page.getByRole("button", { name, exact: true }).click();
    return details(page, number);
}
