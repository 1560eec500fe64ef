const answer = await fetch("/inspector/deliveries");
document.querySelector("main").textContent = JSON.stringify(await answer.json());
