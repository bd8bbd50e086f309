class Net(Module):
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    y = torch.lstm(x)
    return torch.relu(y)
