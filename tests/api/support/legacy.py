"""The original Python service: its models, and databases as it made them."""

from sqlalchemy import Column, ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, relationship, sessionmaker

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True, index=False)
    username = Column(String, unique=True, index=True)
    hashed_password = Column(String)
    phone_numbers = relationship("VirtualPhoneNumber", back_populates="user")


class VirtualPhoneNumber(Base):
    __tablename__ = "virtual_phone_numbers"
    id = Column(Integer, primary_key=True, index=False)
    phone_number = Column(String, unique=True, index=True)
    user_id = Column(Integer, ForeignKey("users.id"))
    user = relationship("User", back_populates="phone_numbers")


PASSWORD = "correct horse battery"
# the password above, as bcrypt implementations of the time wrote it
HASHES = {
    "$2a$": "$2a$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
    "$2b$": "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
    "$2y$": "$2y$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS",
    "$2b$12$": "$2b$12$abcdefghijklmnopqrstuuE3j5FFjC71WyDL2KIK7ShSoj8tPD3m6",
}


def session(path):
    """A session of the original service on a database file."""
    engine = create_engine(f"sqlite:///{path}")
    return sessionmaker(bind=engine)()


def create(path, users):
    """Makes a database as the original service did. `users`: {name: (hash, [numbers])}."""
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with sessionmaker(bind=engine)() as work:
        for name, (hashed, numbers) in users.items():
            user = User(username=name, hashed_password=hashed)
            user.phone_numbers = [VirtualPhoneNumber(phone_number=number) for number in numbers]
            work.add(user)
            work.flush()
        work.commit()
    engine.dispose()
