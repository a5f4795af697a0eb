{
__sveltekit_rv1h85 = {
base: new URL('.', location).pathname.slice(0, -1),
version: "studio"
};

const element = document.currentScript.parentElement;

import("/_app/immutable/bundle.BRQg8ODt.js").then((app) => {
app.start(element)
});
}
