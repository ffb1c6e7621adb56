import { render } from "preact";

render(<main>Tightbeam inspector</main>, document.body);
