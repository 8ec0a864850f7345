// Clicks the link beside it as soon as that is there. A jump ordered by the server (st.switch_page) would drop the selection from the URL
// and put it back word by word, each a step of the browser's history; a link that is clicked takes it along in one step.
export default function ({ data }) {
  let tries = 0;
  const click = () => {
    const link = document.querySelector(`.st-key-${data.link} a`);
    if (link) link.click();
    else if (tries++ < 100) requestAnimationFrame(click);
  };
  click();
}
