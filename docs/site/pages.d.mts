/** The repository's folder. */
export const root: string;
/** Address of the repository at GitHub. */
export const repository: string;
/** Folders that are searched for pages. */
export const folders: readonly string[];
/** The page of the site, such as `packages/push.md`, that a file of the repository makes; nothing for other files. */
export function pageOf(path: string): string | undefined;
/** Where a relative link in a file of the repository leads on the site: to a page, or to the file at GitHub. */
export function linkOf(href: string, file: string): string;
